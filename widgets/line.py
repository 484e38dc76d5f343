"""Lines as values: a widget shows a list of these, so that two frames can be compared before anything is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Literal, NamedTuple
from unicodedata import normalize

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from themes.glyphs import Glyphs
from themes.palette import Palette, Role

Align = Literal["left", "right"]


class Span(NamedTuple):
    """A run of text in one role. Text from outside passes through ``untrusted`` before it gets here."""

    text: str
    role: Role = Role.TEXT


class Line(NamedTuple):
    """One line of the screen. Shorter than the widget it is padded with blanks, longer it is cut.

    ``overlay`` is laid over all of it, blanks included: the cursor.
    """

    spans: tuple[Span, ...] = ()
    overlay: Role | None = None


BLANK = Line()
_ROLE = attrgetter("role")


def plain(text: str, role: Role = Role.TEXT) -> Line:
    """A line of one role."""
    return Line((Span(text, role),))


_NARROW = frozenset(
    chr(code)
    for first, last in (
        (0x20, 0x7E),  # ASCII
        (0xA0, 0xAC),  # Latin, without the soft hyphen
        (0xAE, 0x2FF),
        (0x370, 0x482),  # Greek and Cyrillic
        (0x2010, 0x2027),  # dashes, quotes, the ellipsis
        (0x2190, 0x2193),  # arrows
        (0x2264, 0x2265),  # limits
        (0x2500, 0x25FC),  # boxes, blocks, shapes
        (0x2800, 0x28FF),  # Braille
    )
    for code in range(first, last + 1)
)
"""Characters of one cell, all that a line usually has."""


def is_narrow(text: str) -> bool:
    """True if each of its characters is known to take one cell."""
    return text.isascii() or _NARROW.issuperset(text)


def width_of(text: str) -> int:
    """Terminal cells that a text takes: two for wide characters, none for combining ones."""
    # Rich remembers each of the last 4,096 texts that it has measured: a mebibyte of numbers that are long gone.
    return len(text) if is_narrow(text) else cell_len(text)


def spans_width(spans: Iterable[Span]) -> int:
    """Terminal cells that spans take side by side."""
    # Checked together: most of hundreds of spans are ASCII, and one check covers all.
    return width_of("".join([span.text for span in spans]))


def fit(text: str, width: int, align: Align, ellipsis: str) -> str:
    """The text in exactly ``width`` cells: padded, or cut with an ellipsis at its end."""
    size = width_of(text)
    if size == width:
        return text
    if size < width:
        return text + " " * (width - size) if align == "left" else " " * (width - size) + text
    if width <= 1:
        return ellipsis[:width]
    return set_cell_size(text, width - 1) + ellipsis


def fit_end(text: str, width: int, align: Align, ellipsis: str) -> str:
    """Text in exactly ``width`` cells, its end kept where it is too long."""
    if width > 1 and width_of(text) > width:
        start = len(text) - width + 1
        while width_of(text[start:]) > width - 1:
            start += 1
        text = ellipsis + text[start:]
    return fit(text, width, align, ellipsis)


def folded(text: str, width: int) -> list[str]:
    """Text in lines of at most ``width`` cells, broken at blanks where there are any."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        while width_of(word) > width > 0:
            if line:
                lines.append(line)
                line = ""
            lines.append(word[:width])
            word = word[width:]
        if line and width_of(line) + 1 + width_of(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines


def fit_spans(spans: tuple[Span, ...], width: int, align: Align, ellipsis: str) -> tuple[Span, ...]:
    """Spans in exactly ``width`` cells: padded on the side away from ``align``, or cut with an ellipsis."""
    size = spans_width(spans)
    if size == width:
        return spans
    if size < width:
        pad = Span(" " * (width - size))
        return (*spans, pad) if align == "left" else (pad, *spans)
    if width <= 0:
        return ()
    out: list[Span] = []
    left = width
    for span in spans:
        size = width_of(span.text)
        if size >= left:
            out.append(Span(fit(span.text + " ", left, "left", ellipsis), span.role))
            break
        out.append(span)
        left -= size
    return tuple(out)


def ended(line: Line, width: int, ellipsis: str) -> Line:
    """Return the line as it is where it fits, or has no more than blanks beyond; else cut with an ellipsis."""
    over = spans_width(line.spans) - width
    if over <= 0 or not "".join(span.text for span in line.spans)[-over:].strip():
        return line
    return Line(fit_spans(line.spans, width, "left", ellipsis), line.overlay)


def changed_width(old: Line, new: Line, width: int) -> int:
    """Return how many cells of a line, from its left end, must be redrawn: up to the last one that differs.

    Textual writes a partly changed line from its left end on, so the saving is the unchanged right part.
    """
    used = spans_width(new.spans)
    if old.overlay is not new.overlay or spans_width(old.spans) != used:
        return width
    same = 0
    for before, after in zip(reversed(old.spans), reversed(new.spans), strict=False):
        if before != after:
            break
        same += 1
    return min(width, spans_width(new.spans[: len(new.spans) - same]))


_ASCII_FOR = {"µ": "u", "°": " ", "…": "~", "·": "|", "–": "-", "≤": "<", "≥": ">", "→": ">", "←": "<"} | {
    "×": "x", "›": "/", "“": '"', "”": '"', "—": "-", "‘": "'", "’": "'",
}  # fmt: skip


_NONE = "_"
"""Replacement of a cell that ASCII has nothing for: no sign of ours, while ``?`` says that something is not known."""


def to_ascii(text: str) -> str:
    """Return the text in ASCII, equally wide: letters without accents; ``_`` for a cell that has no counterpart."""
    return "".join(char if char.isascii() else _ascii_for(char) for char in text)


@cache
def _ascii_for(char: str) -> str:
    known, cells = _ASCII_FOR.get(char), cell_len(char)
    if known is not None:
        return known
    plain = "".join(part for part in normalize("NFKD", char) if part.isascii())
    return plain if plain and len(plain) == cells else _NONE * cells


_BLANKS, _EDGES = re.compile(r"([ ·|]+)"), re.compile(r"(^ +| +$)")
"""Blanks and signs between the words of a text; blanks around it."""
_FOUND = frozenset({Role.MATCH, Role.PICKED})
"""Roles of texts whose blanks belong to them: they may be what was searched for."""


@cache
def _decorated(palette: Palette) -> frozenset[Role]:
    """Return the roles with a line below their text, or a ground behind it."""
    styles = (*palette.styles.items(), *palette.selected.items())
    return frozenset(role for role, style in styles if style.underline or (style.bgcolor and role not in _FOUND))


@cache
def _undecorated(style: Style, *, keeps_ground: bool) -> Style | None:
    """Return the style without the line below its text and the ground behind it; None if nothing is left of it."""
    color, ground = style.color, style.bgcolor if keeps_ground else None
    bold, dim, italic, reverse = style.bold, style.dim, style.italic, style.reverse
    return Style(color=color, bgcolor=ground, bold=bold, dim=dim, italic=italic, reverse=reverse) or None


def _behind_words(text: str, style: Style, *, keeps_ground: bool) -> Iterator[tuple[str, Style | None]]:
    """Yield the parts of a decorated text: a line is below its words, a ground behind all of it, and neither is at the
    blanks that fill its column. ``keeps_ground``: the ground is that of the whole line.
    """
    bare = _undecorated(style, keeps_ground=keeps_ground)
    blanks = _BLANKS if style.underline else _EDGES
    return ((part, bare if _BLANKS.fullmatch(part) else style) for part in blanks.split(text) if part)


def segments_of(line: Line, width: int, palette: Palette, glyphs: Glyphs, base: Style | None = None) -> list[Segment]:
    """Return the line as segments of exactly ``width`` cells.

    Neighbours of one style become one segment, and plain text has no style: a sequence per cell would be most of a full
    frame's bytes. ``base`` is laid under everything if the theme paints its own background.
    """
    overlay = palette.style(line.overlay) if line.overlay is not None else None
    if overlay is not None:
        base = overlay if base is None else base + overlay
    segments: list[Segment] = []
    text, style, used = "", base, 0
    selected, decorated = line.overlay is Role.CURSOR, _decorated(palette)
    for role, run in groupby(line.spans, _ROLE):
        own = palette.selected_style(role) if selected else palette.style(role)
        if base is not None:
            # The overlay wins over the span's background but leaves its foreground alone.
            own = base if own is None else own + base if overlay is not None else base + own
        content = "".join([span.text for span in run])
        if glyphs.ascii and not content.isascii():
            content = to_ascii(content)
        size = width_of(content)
        if used + size > width:
            content, size = set_cell_size(content, width - used), width - used
        used += size
        parts: Iterable[tuple[str, Style | None]] = ((content, own),)
        if role in decorated and own is not None:
            parts = _behind_words(content, own, keeps_ground=base is not None)
        for part, drawn in parts:
            if drawn is style or drawn == style:
                text += part
            else:
                if text:
                    segments.append(Segment(text, style))
                text, style = part, drawn
        if used >= width:
            break
    if used < width:
        blank = " " * (width - used)
        if style is base or style == base:
            text += blank
        else:
            segments.append(Segment(text, style))
            text, style = blank, base
    if text:
        segments.append(Segment(text, style))
    return segments
