"""A straight line through what was measured, and how sure its slope is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120)
"""Student's t of a two-sided 95 % by degrees of freedom, from 1; beyond them it is 2.1 at most."""
_T95_BEYOND = 2.1


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
