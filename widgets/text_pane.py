"""A window on many lines of text: scrolling, wrapping, searching. The text itself comes from a subclass.

Only the visible part is ever laid out: the position is a line and, when lines are wrapped, a part of it; no table of
all the rows exists, so a million lines cost no more than a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from fleet.model.typed_pattern import typed_pattern
from themes.palette import Role
from widgets.line import Line, Span, ended, width_of
from widgets.line_view import LineView

_WHEEL = 3
_SIDEWAYS = 20
"""Cells per step to the side."""
_AHEAD = 1000
"""Characters beyond the edge that are looked at: a line may be a megabyte."""


def compile_search(pattern: str) -> re.Pattern[str]:
    """A search as typed: a regular expression, or the literal text where it is not a valid one.

    Case matters only when the pattern has a capital letter.
    """
    flags = re.NOFLAG if any(char.isupper() for char in pattern) else re.IGNORECASE
    try:
        return typed_pattern(pattern, flags)
    except re.error:
        return re.compile(re.escape(pattern), flags)


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """Cut a text into parts of at most ``width`` cells; (start, end) of each in characters, at least one part."""
    if width <= 0 or width_of(text) <= width:
        return [(0, len(text))]
    if text.isascii():
        return [(start, min(start + width, len(text))) for start in range(0, len(text), width)]
    parts: list[tuple[int, int]] = []
    start = used = 0
    for i, char in enumerate(text):
        size = width_of(char)
        if used + size > width and i > start:
            parts.append((start, i))
            start, used = i, 0
        used += size
    parts.append((start, len(text)))
    return parts


class TextPane(LineView, can_focus=True):
    """Base of TextView and LogView. Lines are numbered from ``first`` up; their text has passed through
    ``untrusted``.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_rows(1)", "Down", id="text.down", show=False),
        Binding("up,k", "scroll_rows(-1)", "Up", id="text.up", show=False),
        Binding("pagedown,ctrl+f", "scroll_pages(1)", "Page down", id="text.page_down", show=False),
        Binding("pageup,ctrl+b", "scroll_pages(-1)", "Page up", id="text.page_up", show=False),
        Binding("home,g", "top", "Top", id="text.top", show=False),
        Binding("end,G", "bottom", "Bottom", id="text.bottom", show=False),
        Binding("right", "sideways(1)", "Right", id="text.right", show=False),
        Binding("left", "sideways(-1)", "Left", id="text.left", show=False),
        Binding("n", "match(1)", "Next match", id="text.next_match", show=False),
        Binding("N", "match(-1)", "Previous match", id="text.previous_match", show=False),
        Binding("w", "wrap", "Wrap", id="text.wrap", show=False),
    ]
    DEFAULT_CSS = """
    TextPane {
        height: 1fr;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._at: tuple[int, int] = (0, 0)
        """Line and part of it in the first row."""
        self._wrapped = False
        self._offset = 0
        """Cells left of the window, when lines are not wrapped."""
        self._pattern: re.Pattern[str] | None = None
        self._current: int | None = None
        """The line of the current match."""

    # for subclasses

    @property
    def first(self) -> int:
        """The number of the first line that there is."""
        return 0

    @property
    def end(self) -> int:
        """One more than the number of the last line; ``first`` for no lines."""
        raise NotImplementedError

    def text(self, number: int) -> str:
        """The text of a line, without a line break."""
        raise NotImplementedError

    def prefix(self, number: int) -> str:
        """Return the text in front of a line, dimmed and not searched."""
        del number
        return ""

    def role(self, number: int) -> Role:
        """Return the role of the text of a line, apart from matches in it."""
        del number
        return Role.TEXT

    def colours(self, number: int, text: str) -> Sequence[tuple[int, int, Role]]:
        """Return the parts of a line that have their own role, in order. During a search there are none."""
        del number, text
        return ()

    @property
    def shown(self) -> tuple[str, ...]:
        """The lines that are on the screen, whole."""
        numbers = dict.fromkeys(number for number, _, _ in self._rows(self._at, self.size.height))
        return tuple(self.prefix(number) + self.text(number) for number in numbers)

    # search

    @property
    def matches(self) -> tuple[int, int]:
        """The place of the current match among the lines that match (from 1; 0 for none), and how many do."""
        pattern = self._pattern
        if pattern is None:
            return 0, 0
        found = [number for number in range(self.first, self.end) if pattern.search(self.text(number))]
        return (found.index(self._current) + 1 if self._current in found else 0), len(found)

    def search(self, pattern: str) -> bool:
        """Look for a pattern from the first row on the screen on, and around; an empty one ends the search.

        True where there is a match, which is then on the screen.
        """
        self._pattern = compile_search(pattern) if pattern else None
        self._current = None
        found = self._pattern is not None and self._find(self._at[0], 1, inclusive=True)
        self.redraw()
        return found

    @property
    def match(self) -> int | None:
        """The number of the line of the current match."""
        return self._current

    def action_match(self, step: int) -> None:
        if self._pattern is not None:
            self._find(self._current if self._current is not None else self._at[0], step)
            self.redraw()

    def _find(self, start: int, step: int, *, inclusive: bool = False) -> bool:
        count = self.end - self.first
        pattern = self._pattern
        if pattern is None or count <= 0:
            return False
        for away in range(0 if inclusive else 1, count + 1):
            number = self.first + (start - self.first + step * away) % count
            if pattern.search(self.text(number)):
                self._current = number
                self._reveal(number)
                return True
        return False

    def _reveal(self, number: int) -> None:
        """Scroll, where needed, so that a line is on the screen with some lines above it."""
        shown = {line for line, _, _ in self._rows(self._at, self.size.height)}
        if number not in shown:
            self._move(*self._step((number, 0), -(self.size.height // 3)))

    # scrolling

    @property
    def wrapped(self) -> bool:
        return self._wrapped

    def action_wrap(self) -> None:
        self._wrapped = not self._wrapped
        self._offset = 0
        self._move(self._at[0], 0)
        self.redraw()

    def action_scroll_rows(self, rows: int) -> None:
        self._move(*self._step(self._at, rows))
        self.redraw()

    def action_scroll_pages(self, screens: int) -> None:
        self.action_scroll_rows(screens * max(1, self.size.height - 1))

    def action_top(self) -> None:
        self._move(self.first, 0)
        self.redraw()

    def action_bottom(self) -> None:
        self._move(*self._last_start())
        self.redraw()

    def action_sideways(self, steps: int) -> None:
        if not self._wrapped:
            self._offset = max(0, self._offset + steps * _SIDEWAYS)
            self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_scroll_rows(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_scroll_rows(-_WHEEL)

    def on_resize(self) -> None:
        self._move(self._at[0], 0)
        self.redraw()

    @property
    def at_end(self) -> bool:
        """True when the last line is on the screen."""
        return self._at >= self._last_start()

    def _move(self, number: int, part: int) -> None:
        """Put a row at the top, within the text and no further than the last page."""
        self._at = max((self.first, 0), min((number, part), self._last_start()))

    def _last_start(self) -> tuple[int, int]:
        """The row at the top of the last page."""
        if self.end <= self.first:
            return (self.first, 0)
        last = self.end - 1
        return self._step((last, len(self._parts(last)) - 1), 1 - self.size.height)

    def _step(self, at: tuple[int, int], rows: int) -> tuple[int, int]:
        """Return the row ``rows`` below (above, if negative) another, within the text."""
        number, part = at
        if not self._wrapped:
            return (min(max(number + rows, self.first), max(self.first, self.end - 1)), 0)
        while rows > 0 and number < self.end:
            parts = len(self._parts(number))
            if part + rows < parts:
                return (number, part + rows)
            if number + 1 >= self.end:
                return (number, parts - 1)
            rows -= parts - part
            number, part = number + 1, 0
        while rows < 0:
            if part + rows >= 0:
                return (number, part + rows)
            if number <= self.first:
                return (self.first, 0)
            rows += part + 1
            number -= 1
            part = len(self._parts(number)) - 1
        return (number, part)

    # drawing

    def _parts(self, number: int) -> list[tuple[int, int]]:
        line = self.prefix(number) + self.text(number)
        return wrap(line, self.size.width) if self._wrapped else [(0, len(line))]

    def _rows(self, at: tuple[int, int], height: int) -> Iterator[tuple[int, int, int]]:
        """(line, start, end) of up to ``height`` rows."""
        number, skip = max(at[0], self.first), at[1]
        while number < self.end and height > 0:
            for start, end in self._parts(number)[skip : skip + height]:
                yield number, start, end
                height -= 1
            number, skip = number + 1, 0

    def lines(self, width: int, height: int) -> Sequence[Line]:
        return [self._draw_row(number, start, end, width) for number, start, end in self._rows(self._at, height)]

    def _draw_row(self, number: int, start: int, end: int, width: int) -> Line:
        prefix, text = self.prefix(number), self.text(number)
        begin = len(prefix)
        cuts: list[tuple[int, int, Role]] = [(0, begin, Role.DIM)]
        if self._pattern is not None:
            role = Role.PICKED if number == self._current else Role.MATCH
            cuts += [(begin + m.start(), begin + m.end(), role) for m in self._pattern.finditer(text) if m.group()]
        if len(cuts) == 1:
            cuts += [(begin + first, begin + last, role) for first, last, role in self.colours(number, text)]
        line = prefix + text
        start += self._offset
        edge = start + width
        # A number that is cut without a sign is another number.
        goes_on = not self._wrapped and width > 1 and bool(line[edge : edge + _AHEAD].strip())
        end = min(end, edge - goes_on)
        plain = self.role(number)
        spans: list[Span] = []
        for first, last, role in cuts:
            first, last = max(first, start), min(last, end)
            if first >= last:
                continue
            if first > start:
                spans.append(Span(line[start:first], plain))
            spans.append(Span(line[first:last], role))
            start = last
        if start < end:
            spans.append(Span(line[start:end], plain))
        if goes_on:
            spans.append(Span(self.glyphs.ellipsis, Role.DIM))
        # Wide characters take more cells than they are.
        return ended(Line(tuple(spans)), width, self.glyphs.ellipsis)
