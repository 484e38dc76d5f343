"""Short histories as text, one cell per point, on a fixed scale: the same height means the same number in every row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from themes.glyphs import UNICODE, Glyphs


class ChartScale(NamedTuple):
    """The values of the lowest and the highest level, in the quantity's unit; beyond them the strip is clipped."""

    low: float
    high: float
    logarithmic: bool = False
    """True if each level stands for a multiple of the one below: of a queue of ten and of one of a thousand both are
    visible. ``low`` is the lowest value then, 0 or more.
    """


def resample(values: Sequence[float], width: int) -> list[float]:
    """Return the values in ``width`` points, the newest last.

    More values than points: each point is the highest of its share, so that a short peak stays visible (NaN only if all
    are). Fewer: they are at the right end, with NaN before them.
    """
    count = len(values)
    if count <= width:
        return [math.nan] * (width - count) + list(values)
    out: list[float] = []
    for i in range(width):
        share = [v for v in values[i * count // width : (i + 1) * count // width] if not math.isnan(v)]
        out.append(max(share, default=math.nan))
    return out


def strip_chart(values: Sequence[float], width: int, scale: ChartScale, glyphs: Glyphs = UNICODE) -> str:
    """A strip of ``width`` cells; gaps where there is no value, the lowest level for ``scale.low`` and below."""
    levels = glyphs.strip
    return "".join(
        glyphs.gap if math.isnan(value) else levels[math.ceil(height(value, scale) * (len(levels) - 1))]
        for value in resample(values, width)
    )


def height(value: float, scale: ChartScale) -> float:
    """Return the place of a value on a scale: 0.0 for its low end and below, 1.0 for its high end and above."""
    if value <= scale.low or scale.high <= scale.low:
        return 0.0
    if value >= scale.high:
        return 1.0
    if scale.logarithmic:
        return math.log1p(value - scale.low) / math.log1p(scale.high - scale.low)
    return (value - scale.low) / (scale.high - scale.low)
