"""A Prometheus histogram as a client library keeps it."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate


class Histogram:
    """Counts per bucket (not cumulative), the last of which is the one above the highest edge."""

    __slots__ = ("count", "counts", "edges", "sum")

    def __init__(self, edges: tuple[float, ...]) -> None:
        self.edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.count = 0
        self.sum = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Observe `value`, `times` over."""
        self.counts[bisect_left(self.edges, value)] += times
        self.count += times
        self.sum += value * times

    def cumulative(self) -> list[int]:
        """The `_bucket` values, `+Inf` last."""
        return list(accumulate(self.counts))
