"""Latency histograms: merging, and the quantile that Prometheus would compute."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from fleet.dataclass import dataclass
from fleet.model.reading import Bound


@dataclass(frozen=True, slots=True)
class Histogram:
    """Cumulative bucket rates over a window.

    ``edges`` are the upper bounds (``le``) in seconds, ascending, the last one +Inf; ``counts`` are cumulative
    observations per second (or plain counts: quantiles are the same), same length. ``total`` is the rate of the sum of
    all observations, NaN if it was not queried.
    """

    edges: tuple[float, ...]
    counts: Sequence[float]
    """A tuple, or an array where there are thousands at once; those of one source are alike, so that they compare."""
    total: float = math.nan

    @property
    def count(self) -> float:
        """Observations per second; 0.0 for an empty histogram."""
        return self.counts[-1] if self.counts else 0.0


def merge(histograms: Iterable[Histogram]) -> Histogram | None:
    """Add histograms bucket by bucket; None for no histograms.

    Pods of different versions have different bucket lists (as vLLM 0.8.3 and 0.8.5 do). Only the edges common to all
    are kept: cumulative counts at a common edge are right whatever lies between.
    """
    parts = [h for h in histograms if h.edges]
    if not parts:
        return None
    first = parts[0]
    if len(parts) == 1:
        return first
    total = math.fsum(h.total for h in parts)
    if all(h.edges == first.edges for h in parts):
        return Histogram(first.edges, tuple(map(math.fsum, zip(*(h.counts for h in parts), strict=True))), total)
    common = sorted(set(first.edges).intersection(*(h.edges for h in parts)))
    at = [dict(zip(h.edges, h.counts, strict=True)) for h in parts]
    return Histogram(tuple(common), tuple(math.fsum(d[e] for d in at) for e in common), total)


@dataclass(frozen=True, slots=True)
class Quantile:
    """A percentile in seconds, and its bounds if the histogram is too coarse for more."""

    value: float
    bound: Bound = Bound.EXACT
    edge: float = math.nan
    """The edge to show for a bounded value: ``≤ edge`` (AT_MOST) or ``≥ edge`` (AT_LEAST); NaN when exact."""
    low: float = math.nan
    """The lower edge of a value that is WITHIN a bucket, whose upper one is ``edge``."""


BROAD = 5.0
"""Width in seconds from which a bucket is too broad to interpolate in: 20 to 40 s, of vLLM's."""
CROWDED = 1.0, 0.5
"""Width in seconds, and share of all observations, from which a bucket is too crowded to interpolate in."""
_RELATIVE = 1.2
"""Times its lower edge that the upper one is at least: within less than that a point is near enough."""
NO_QUANTILE = Quantile(math.nan)


def quantile(q: float, histogram: Histogram) -> Quantile:
    """Return the q-quantile (0 < q < 1) as Prometheus' ``histogram_quantile`` computes it, and its bound.

    Linear within a bucket, from 0 in the lowest; the last finite edge if it falls in +Inf; NaN without observations or
    without a +Inf bucket. In the lowest bucket the interpolation from zero is an invention, so the result is AT_MOST
    and names the edge (vLLM's queue times begin at 0.3 s: anything below reads as p99 = 0.297). In a broad bucket it is
    no better, so the result is WITHIN its edges: anything from 20 to 40 s would read as p95 = 39.0.
    """
    (found,) = quantiles((q,), histogram)
    return found


def quantiles(wanted: Iterable[float], histogram: Histogram) -> list[Quantile]:
    """Return several of them."""
    # Scrapes at different instants or mixed bucket lists can make a cumulative count fall, which is invalid.
    counts = list(accumulate(histogram.counts, max))
    return [_quantile(q, histogram.edges, counts) for q in wanted]


def _quantile(q: float, edges: Sequence[float], counts: Sequence[float]) -> Quantile:
    if len(edges) < 2 or not math.isinf(edges[-1]) or not counts[-1] > 0:
        return NO_QUANTILE
    rank = q * counts[-1]
    at = bisect_left(counts, rank, 0, len(counts) - 1)
    if at == len(edges) - 1:
        return Quantile(edges[-2], Bound.AT_LEAST, edges[-2])
    if at == 0:
        if edges[0] <= 0:
            return Quantile(edges[0], Bound.AT_MOST, edges[0])
        return Quantile(edges[0] * (rank / counts[0]), Bound.AT_MOST, edges[0])
    low, high = edges[at - 1], edges[at]
    inside = counts[at] - counts[at - 1]
    value = low + (high - low) * ((rank - counts[at - 1]) / inside)
    return Quantile(value, Bound.WITHIN, high, low) if _is_coarse(low, high, inside / counts[-1]) else Quantile(value)


def _is_coarse(low: float, high: float, share: float) -> bool:
    """True if a bucket is too coarse to interpolate in; ``share`` of all observations are in it."""
    width, (narrow, most) = high - low, CROWDED
    return high >= _RELATIVE * low and (width >= BROAD or (width >= narrow and share >= most))
