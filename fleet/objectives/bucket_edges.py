"""The bucket edges used for a latency: a histogram counts exactly only at an edge."""

from __future__ import annotations

import math
from collections.abc import Iterable


def snapped(seconds: float, edges: Iterable[float]) -> float:
    """Return the first edge at or above a latency: requests within it count as good. NaN without edges.

    Above the last finite edge nothing is distinguished, so that edge is used for anything longer.
    """
    finite = sorted(edge for edge in edges if math.isfinite(edge))
    above = (edge for edge in finite if edge >= seconds or math.isclose(edge, seconds, rel_tol=1e-9))
    return next(above, finite[-1] if finite else math.nan)


def spellings(edge: float, per_second: float = 1.0) -> tuple[str, ...]:
    """Return the spellings that exporters use for a bucket's bound, in a unit of which a second has ``per_second``."""
    value = round(edge * per_second, 9)
    written = (f"{value:g}", repr(value), f"{value:.0f}", f"{value:.1f}", f"{value:.2f}")
    return tuple(dict.fromkeys(text for text in written if float(text) == value))
