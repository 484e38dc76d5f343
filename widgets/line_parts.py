"""A line of parts that shrinks when it gets narrow: shorter forms first, then fewer parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from widgets.line import Line, Span, spans_width


class LinePart(NamedTuple):
    """A part of a line. Parts with a high ``priority`` number shrink first.

    To shrink is to take the short form or, without one, to disappear; a part with neither a short form nor a priority
    above 0 stays, cut if need be.
    """

    spans: tuple[Span, ...]
    priority: int = 0
    short: tuple[Span, ...] = ()
    """Empty for none."""


def arrange(left: Sequence[LinePart], right: Sequence[LinePart], width: int, gap: int = 3) -> Line:
    """Parts from the left edge and up to the right edge, a cell away from both, ``gap`` blanks between parts."""
    parts: list[LinePart | None] = [*left, *right]
    while _width(parts, gap) > width:
        # Among equals the last one is dropped first.
        giving = [(part.priority, i, part) for i, part in enumerate(parts) if part and (part.priority or part.short)]
        if not giving:
            break
        _, i, part = max(giving)
        parts[i] = LinePart(part.short) if part.short else None
    near = [part for part in parts[: len(left)] if part is not None]
    far = [part for part in parts[len(left) :] if part is not None]
    spans = [Span(" "), *_join(near, gap)]
    if far:
        end = _join(far, gap)
        blank = max(gap if near else 0, width - 1 - spans_width(spans) - spans_width(end))
        spans += [Span(" " * blank), *end]
    return Line(tuple(spans))


def _width(parts: Sequence[LinePart | None], gap: int) -> int:
    shown = [spans_width(part.spans) for part in parts if part is not None]
    return 2 + sum(shown) + gap * max(0, len(shown) - 1)


def _join(parts: Sequence[LinePart], gap: int) -> list[Span]:
    spans: list[Span] = []
    for part in parts:
        if spans:
            spans.append(Span(" " * gap))
        spans += part.spans
    return spans
