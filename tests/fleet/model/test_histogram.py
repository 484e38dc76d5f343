"""Merging histograms and taking quantiles, against Prometheus' own algorithm written out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model.histogram import Histogram, merge, quantile, quantiles
from fleet.model.reading import Bound

INF = math.inf
EDGES = (0.3, 0.5, 0.8, 1.0, INF)


def bucket_quantile(q: float, edges: tuple[float, ...], cumulative: tuple[float, ...]) -> float:
    """``bucketQuantile`` of promql/quantile.go, line by line."""
    counts = list(cumulative)
    largest = counts[0]
    for i in range(1, len(counts)):
        if counts[i] > largest:
            largest = counts[i]
        elif counts[i] < largest:
            counts[i] = largest
    if len(counts) < 2 or edges[-1] != INF or counts[-1] == 0:
        return math.nan
    rank = q * counts[-1]
    b = next((i for i in range(len(counts) - 1) if counts[i] >= rank), len(counts) - 1)
    if b == len(counts) - 1:
        return edges[-2]
    if b == 0 and edges[0] <= 0:
        return edges[0]
    start, end, count = 0.0, edges[b], counts[b]
    if b > 0:
        start = edges[b - 1]
        count -= counts[b - 1]
        rank -= counts[b - 1]
    return start + (end - start) * (rank / count)


observed = st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=5, max_size=5).map(tuple)


@given(observed, st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 0.999]))
def test_a_quantile_is_prometheus_quantile_to_the_last_bit(counts: tuple[float, ...], q: float) -> None:
    expected = bucket_quantile(q, EDGES, counts)
    actual = quantile(q, Histogram(EDGES, counts)).value
    assert actual == expected or (math.isnan(actual) and math.isnan(expected))


@given(observed)
def test_several_quantiles_are_those_that_are_taken_one_by_one(counts: tuple[float, ...]) -> None:
    histogram, wanted = Histogram(EDGES, counts), (0.5, 0.95, 0.99)
    assert list(map(repr, quantiles(wanted, histogram))) == [repr(quantile(q, histogram)) for q in wanted]


def test_a_histogram_alone_is_merged_already() -> None:
    alone = Histogram(EDGES, (0, 10, 20, 20, 20))
    assert merge([alone]) is alone


def test_inside_a_bucket_it_is_linear() -> None:
    found = quantile(0.5, Histogram(EDGES, (0, 10, 20, 20, 20)))
    assert (found.value, found.bound) == (0.5, Bound.EXACT)
    assert quantile(0.75, Histogram(EDGES, (0, 10, 20, 20, 20))).value == pytest.approx(0.65)


def test_in_the_lowest_bucket_the_truth_is_at_most_its_edge() -> None:
    found = quantile(0.99, Histogram(EDGES, (5, 5, 5, 5, 5)))
    assert found.value == pytest.approx(0.297)
    assert (found.bound, found.edge) == (Bound.AT_MOST, 0.3)


def test_beyond_the_last_edge_the_truth_is_at_least_it() -> None:
    found = quantile(0.99, Histogram(EDGES, (0, 0, 0, 1, 5)))
    assert (found.value, found.bound, found.edge) == (1.0, Bound.AT_LEAST, 1.0)


@pytest.mark.parametrize(
    "histogram",
    [
        Histogram((), ()),
        Histogram(EDGES, (0.0,) * 5),
        Histogram((0.3, 0.5), (1.0, 2.0)),
        Histogram((INF,), (3.0,)),
        Histogram(EDGES, (math.nan,) * 5),
    ],
)
def test_without_observations_or_without_infinity_there_is_none(histogram: Histogram) -> None:
    assert math.isnan(quantile(0.5, histogram).value)


def test_merging_adds_bucket_by_bucket() -> None:
    one, two = Histogram(EDGES, (1, 2, 3, 4, 5), 2.5), Histogram(EDGES, (0, 0, 0, 0, 7), 9.0)
    assert merge([one, two]) == Histogram(EDGES, (1, 2, 3, 4, 12), 11.5)


def test_merging_one_costs_nothing() -> None:
    one = Histogram((0.1, INF), (1.0, 3.0), 0.4)
    assert merge([one]) is merge([Histogram((), ()), one]) is one


def test_merging_nothing_gives_nothing() -> None:
    assert merge([]) is None
    assert merge([Histogram((), ())]) is None


def test_a_slow_idle_pod_does_not_move_the_percentile_as_an_average_would() -> None:
    busy = Histogram(EDGES, (990, 990, 990, 990, 990))
    slow = Histogram(EDGES, (0, 0, 0, 1, 1))
    merged = merge([busy, slow])
    assert merged is not None
    assert quantile(0.95, merged).value < 0.3


def test_different_bucket_lists_are_merged_over_their_common_edges() -> None:
    old = Histogram((0.5, 1.0, INF), (10, 20, 30))
    new = Histogram((0.25, 0.5, 2.0, INF), (1, 2, 3, 4))
    merged = merge([old, new])
    assert merged is not None
    assert (merged.edges, merged.counts) == ((0.5, INF), (12, 34))


@given(st.lists(observed, min_size=1, max_size=5))
def test_merging_is_independent_of_the_order(parts: list[tuple[float, ...]]) -> None:
    histograms = [Histogram(EDGES, part, 0.0) for part in parts]
    assert merge(histograms) == merge(histograms[::-1])


VLLM = (1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, INF)


@pytest.mark.parametrize(
    ("counts", "bound", "low", "edge"),
    [
        ((0, 0, 0, 0, 0, 0, 100, 100, 100), Bound.WITHIN, 20.0, 40.0),
        ((90, 90, 90, 90, 90, 91, 100, 100, 100), Bound.WITHIN, 20.0, 40.0),
        ((0, 100, 100, 100, 100, 100, 100, 100, 100), Bound.WITHIN, 1.0, 2.5),
        ((60, 100, 100, 100, 100, 100, 100, 100, 100), Bound.EXACT, math.nan, math.nan),
        ((0, 0, 0, 0, 0, 0, 0, 0, 100), Bound.AT_LEAST, math.nan, 80.0),
    ],
    ids=["all in one", "a broad one", "most in one", "a shape to go by", "beyond the last"],
)
def test_a_percentile_that_only_its_bucket_bounds_says_so(
    counts: tuple[float, ...], bound: Bound, low: float, edge: float
) -> None:
    found = quantile(0.95, Histogram(VLLM, counts))
    assert found.bound is bound
    assert found.low == low or math.isnan(low)
    assert found.edge == edge or math.isnan(edge)
