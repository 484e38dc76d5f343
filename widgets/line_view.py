"""A widget that is a list of lines: it redraws only the lines that differ from those on the screen.

Textual does not compare frames: a refreshed region is written, changed or not, and a line that is touched twice is
written twice. So the lines of a frame are values (``widgets.line``), a new frame is compared with the last one, and one
region per changed line is refreshed, up to the last changed cell. An unchanged frame writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from themes.look import look
from themes.palette import Palette, palette_for
from widgets.line import BLANK, Line, changed_width, is_narrow, segments_of, width_of


class LineStrip(Strip):
    """A Strip that does not hold a reference to itself, and leaves nothing in caches of texts.

    Textual caches the parts of a divided strip in the strip, and a line from edge to edge has one part: itself. Every
    painted line would then be a cycle of thirty objects, and wait for the collector.
    """

    __slots__ = ()

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        inside = [cut for cut in cuts if cut <= self.cell_length]
        return [self] if inside == [self.cell_length] else super().divide(inside)

    def crop(self, start: int, end: int | None = None) -> Strip:
        """Return a part of the line, mostly its left end. Rich would remember the width of each of its texts."""
        if start > 0 or end is None or not 0 < end < self.cell_length:
            return super().crop(start, end)
        parts: list[Segment] = []
        left = end
        for segment in self._segments:
            size = width_of(segment.text)
            if size >= left:
                parts.append(segment if size == left else _left_end(segment, left))
                break
            parts.append(segment)
            left -= size
        return Strip(parts, end)


def _left_end(segment: Segment, cells: int) -> Segment:
    """The first cells of a segment; half of a wide character is a blank."""
    if is_narrow(segment.text):
        return Segment(segment.text[:cells], segment.style)
    return segment.split_cells(cells)[0]


class LineView(Widget):
    """Base of the widgets that draw themselves line by line.

    A subclass implements ``lines`` and calls ``redraw`` when an input of its drawing has changed. Strips are kept from
    frame to frame, with the escape sequences that Textual memoises in them. Such a widget has no padding and no border.
    """

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self.glyphs = look().glyphs
        self.lines_drawn = 0
        """Lines turned into strips so far: tests count what a tick costs."""
        self._lines: tuple[Line, ...] = ()
        self._strips: list[Strip] = []
        self._drawn_for: tuple[Size, Palette] | None = None

    def lines(self, width: int, height: int) -> Sequence[Line]:
        """Return the lines to show, at most ``height`` of them; missing ones are blank.

        Pure but for caches: it may be called at any time. Raises nothing for any size, 0 × 0 included.
        """
        raise NotImplementedError

    def on_unmount(self) -> None:
        """Drop the drawn lines. A closed widget is part of cycles, which are collected late."""
        self._lines, self._strips, self._drawn_for = (), [], None

    def redraw(self) -> int:
        """Compare the new lines with the shown ones and refresh the difference.

        Returns the number of lines refreshed, 0 before the widget has a size.
        """
        size = self.size
        if not size or not self.is_attached:
            self._drawn_for = None
            return 0
        before = self._lines if self._drawn_for is not None and self._drawn_for[0] == size else None
        self._draw()
        if before is None:
            self.refresh()
            return size.height
        changed = [
            Region(0, y, changed_width(old, new, size.width), 1)
            for y, (old, new) in enumerate(zip(before, self._lines, strict=True))
            if old != new
        ]
        if changed:
            self.refresh(*changed)
        return len(changed)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Textual's entry: strips of the lines in ``crop``, with its filters (and no styles cache in between)."""
        if self._drawn_for != (self.size, self._palette):
            self._draw()
        strips = self._strips[crop.y : crop.y + crop.height]
        if not self._palette.colourless:
            background = self.background_colors[1]
            for line_filter in self.get_line_filters():
                strips = [strip.apply_filter(line_filter, background) for strip in strips]
        if (crop.x, crop.width) != (0, self.size.width):
            strips = [strip.crop(crop.x, crop.x + crop.width) for strip in strips]
        return strips

    @property
    def shown_text(self) -> list[str]:
        """The text of the lines as they are drawn, without styles."""
        return [strip.text for strip in self._strips]

    @property
    def _palette(self) -> Palette:
        found = look()
        return palette_for(self.app.theme, no_color=found.no_color or self.app.no_color, own=found.own)

    def _draw(self) -> None:
        size, palette = self.size, self._palette
        width, height = size
        old = list(zip(self._lines, self._strips, strict=True)) if self._drawn_for == (size, palette) else []
        lines = tuple(self.lines(width, height)[:height])
        lines += (BLANK,) * (height - len(lines))
        base = None if self.app.native_ansi_color else self.rich_style
        elsewhere: dict[Line, Strip] | None = None
        strips: list[Strip] = []
        for y, line in enumerate(lines):
            if old and old[y][0] == line:
                strips.append(old[y][1])
                continue
            # Moved lines are found only here, because hashing a frame costs more than most changes.
            elsewhere = dict(old) if elsewhere is None else elsewhere
            strip = elsewhere.get(line)
            if strip is None:
                segments = segments_of(line, width, palette, self.glyphs, base)
                strip = elsewhere[line] = LineStrip(segments, width)
                self.lines_drawn += 1
            strips.append(strip)
        self._lines, self._strips, self._drawn_for = lines, strips, (size, palette)
