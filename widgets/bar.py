"""A horizontal bar in steps of an eighth of a cell."""

from __future__ import annotations

import math

from themes.glyphs import UNICODE, Glyphs


def bar(ratio: float, width: int, glyphs: Glyphs = UNICODE) -> str:
    """A bar of ``width`` cells, ``ratio`` (0-1) of them filled; blank for NaN.

    What is not 0 shows at least the smallest step, and what is not 1 leaves at least one open: a KV cache at 99.9 % is
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
