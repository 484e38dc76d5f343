"""The edges of buckets that stand for a latency: only at an edge does a histogram count exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable


def snapped(seconds: float, edges: Iterable[float]) -> float:
    """The first edge at or above a latency: what is counted as good was within that. NaN where there is no edge.

    Above the last finite edge nothing is told apart, so that one stands for whatever is longer.
    """
    finite = sorted(edge for edge in edges if math.isfinite(edge))
    above = (edge for edge in finite if edge >= seconds or math.isclose(edge, seconds, rel_tol=1e-9))
    return next(above, finite[-1] if finite else math.nan)


def spellings(edge: float, per_second: float = 1.0) -> tuple[str, ...]:
    """The ways in which exporters write the bound of a bucket, in a unit of which a second has ``per_second``."""
    value = round(edge * per_second, 9)
    written = (f"{value:g}", repr(value), f"{value:.0f}", f"{value:.1f}", f"{value:.2f}")
    return tuple(dict.fromkeys(text for text in written if float(text) == value))
