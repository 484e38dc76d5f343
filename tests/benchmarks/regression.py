"""A straight line through what was measured, and how sure its slope is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from statistics import fmean, median
from typing import NamedTuple

_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120)
"""Student's t of a two-sided 95 % by degrees of freedom, from 1; beyond them it is 2.1 at most."""
_T95_BEYOND = 2.1
_Z95 = 1.96
"""The normal distribution's."""


class Slope(NamedTuple):
    """Exponent with which y grows with x; the truth is within ``± half_width`` of it with 95 % (infinite from two
    points).
    """

    value: float
    half_width: float


def slope(xs: Sequence[float], ys: Sequence[float]) -> Slope:
    """Least squares. Raises ValueError for fewer than two different x."""
    x_mean, y_mean = fmean(xs), fmean(ys)
    spread = sum((x - x_mean) ** 2 for x in xs)
    if spread == 0:
        raise ValueError("a slope needs two different x")
    value = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / spread
    freedom = len(xs) - 2
    if freedom < 1:
        return Slope(value, math.inf)
    rest = sum((y - y_mean - value * (x - x_mean)) ** 2 for x, y in zip(xs, ys, strict=True))
    t = _T95[freedom - 1] if freedom <= len(_T95) else _T95_BEYOND
    return Slope(value, t * math.sqrt(rest / freedom / spread))


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The k of cost ~ size^k: 0 for what does not depend on the size, 1 for what grows with it."""
    return slope([math.log(size) for size in sizes], [math.log(cost) for cost in costs]).value


def median_slope(points: Sequence[tuple[float, float]]) -> Slope:
    """The median of the slopes of all pairs of (x, y): a quarter of the points may be far off.

    The interval is that of Kendall's rank test (Theil and Sen), widened to be symmetric. Raises ValueError for fewer
    than three points, and for equal x.
    """
    count = len(points)
    if count < 3 or len({x for x, _ in points}) < count:
        raise ValueError("a median of slopes needs three points at different x")
    slopes = sorted((y - before) / (x - at) for (at, before), (x, y) in combinations(points, 2))
    reach = _Z95 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, math.floor((len(slopes) - reach) / 2))
    value = median(slopes)
    return Slope(value, max(value - slopes[low], slopes[-1 - low] - value))
