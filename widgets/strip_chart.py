"""Short histories as text, one cell per point, on a fixed scale: the same height means the same number in every row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from themes.glyphs import UNICODE, Glyphs


class Scale(NamedTuple):
    """What the lowest and the highest level stand for, in the quantity's unit; beyond them the strip is clipped."""

    low: float
    high: float


def resample(values: Sequence[float], width: int) -> list[float]:
    """The values in ``width`` points, the newest last.

    More values than points: each point is the highest of its share, so that a short peak stays visible (NaN only where
    all are). Fewer: they stand at the right end, with NaN before them.
    """
    count = len(values)
    if count <= width:
        return [math.nan] * (width - count) + list(values)
    out: list[float] = []
    for i in range(width):
        share = [v for v in values[i * count // width : (i + 1) * count // width] if not math.isnan(v)]
        out.append(max(share, default=math.nan))
    return out


def strip_chart(values: Sequence[float], width: int, scale: Scale, glyphs: Glyphs = UNICODE) -> str:
    """A strip of ``width`` cells; gaps where there is no value, the lowest level for ``scale.low`` and below."""
    levels = glyphs.strip
    top = len(levels) - 1
    reach = scale.high - scale.low
    return "".join(
        glyphs.gap
        if math.isnan(value)
        else levels[0]
        if reach <= 0
        else levels[min(top, max(0, math.ceil(min(1.0, (value - scale.low) / reach) * top)))]
        for value in resample(values, width)
    )
