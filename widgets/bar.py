"""A thin horizontal bar on its track, in steps of half a cell."""

from __future__ import annotations

import math

from themes.glyphs import UNICODE, Glyphs
from themes.palette import Role
from widgets.line import Span


def bar(ratio: float, width: int, glyphs: Glyphs = UNICODE) -> str:
    """Return a bar of ``width`` cells, ``ratio`` (0-1) of them filled; blank, without a track, for NaN.

    A non-zero ratio shows at least the smallest step, and one below 1 leaves at least one open: a KV cache at 99.9 % is
    not full.
    """
    if width <= 0:
        return ""
    if math.isnan(ratio):
        return " " * width
    steps = len(glyphs.bar)
    total = width * steps
    filled = round(min(1.0, max(0.0, ratio)) * total)
    if ratio > 0:
        filled = max(filled, 1)
    if ratio < 1:
        filled = min(filled, total - 1)
    whole, part = divmod(filled, steps)
    drawn = glyphs.bar[-1] * whole + (glyphs.bar[part - 1] if part else "")
    return drawn + glyphs.bar_empty * (width - len(drawn))


def bar_spans(ratio: float, width: int, role: Role, glyphs: Glyphs) -> tuple[Span, ...]:
    """The bar in its role, on a dim track."""
    drawn = bar(ratio, width, glyphs)
    filled = drawn.rstrip(glyphs.bar_empty)
    spans = (Span(filled, role), Span(drawn[len(filled) :], Role.DIM))
    return tuple(span for span in spans if span.text)
