"""Curves: the queries to a metrics store, and the conversion of its answer."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from fleet.metrics.curve_queries import curve_query
from fleet.metrics.dialect import Match, Op
from fleet.metrics.promql import LONGEST
from fleet.model.curve import CurveQuestion, Series, TimeRange
from fleet.model.problem import SourceProblem
from fleet.model.quantity import ENGINE_QUANTITIES, GPU_QUANTITIES, QUANTILES, Quantity
from fleet.sources.curves import curve, curve_of_fleet
from fleet.sources.store import NamedStore

NAN = math.nan
AT = 1_795_942_800.0
SERIES = Series("serving", "chat-[a-z]{5}", products=frozenset({"vLLM"}))
RANGE = TimeRange(AT, 60.0, 4)


class Store:
    """A metrics store with given answers, whose clock is ahead."""

    def __init__(self, ahead: float = 0.0, **found: list[tuple[float, str]]) -> None:
        self._ahead = ahead
        self._told = found
        self.asked: list[tuple[str, float, float, float]] = []

    async def query(self, text: str, at: float | None = None) -> list[Any]:
        raise AssertionError((text, at))

    async def range(self, text: str, start: float, end: float, step: float) -> list[Any]:
        self.asked.append((text, start, end, step))
        return [{"metric": {"q": tag}, "values": [list(pair) for pair in pairs]} for tag, pairs in self._told.items()]

    async def now(self) -> float:
        return AT + self._ahead


def question(quantity: Quantity = Quantity.WAITING, **changes: Any) -> CurveQuestion:
    return CurveQuestion(quantity, SERIES, RANGE, 60.0, **changes)


async def test_one_query_for_a_curve_and_its_values_in_their_places() -> None:
    store = Store(requests_waiting=[(AT - 180, "1"), (AT - 60, "3"), (AT, "NaN")])
    found = await curve(store, (), question(), clock=lambda: AT)
    assert found.values == pytest.approx((1.0, NAN, 3.0, NAN), nan_ok=True)
    assert found.since == AT - 180
    assert [asked[1:] for asked in store.asked] == [(AT - 180, AT, 60.0)]


async def test_a_store_whose_clock_is_ahead_is_asked_by_its_own_and_drawn_by_ours() -> None:
    store = Store(ahead=120.0, requests_waiting=[(AT + 120, "7")])
    found = await curve(store, (), question(), clock=lambda: AT)
    assert found.values[-1] == 7.0
    assert store.asked[0][2] == AT + 120
    assert found.range == RANGE


async def test_a_band_is_told_apart_from_its_middle() -> None:
    store = Store(ttft_p95=[(AT, "2")], ttft_p50=[(AT, "1")], ttft_p99=[(AT, "+Inf")])
    band = (Quantity.TTFT_P50, Quantity.TTFT_P99)
    found = await curve(store, (), question(Quantity.TTFT_P95, band=band), clock=lambda: AT)
    assert (found.low[-1], found.values[-1]) == (1.0, 2.0)
    assert math.isnan(found.high[-1]), "a percentile beyond the last bucket has no place on a scale"


async def test_only_the_series_of_this_cluster_are_asked_for() -> None:
    store = Store()
    await curve(store, (Match("cluster", Op.EQUAL, "eu-1"),), question(), clock=lambda: AT)
    text = store.asked[0][0]
    assert text.count('cluster="eu-1"') == text.count("vllm") > 0


async def test_what_no_metric_is_is_said() -> None:
    with pytest.raises(SourceProblem, match="no metric"):
        await curve(Store(), (), question(Quantity.GATEWAY_QUEUED), clock=lambda: AT)


@pytest.mark.parametrize("quantity", [*ENGINE_QUANTITIES, *GPU_QUANTITIES])
def test_a_query_is_short_enough_for_a_url_and_never_averages_percentiles(quantity: Quantity) -> None:
    text = curve_query(question(quantity))
    assert len(text) < LONGEST
    if quantity in QUANTILES:
        assert "histogram_quantile" in text
        assert "avg" not in text


def test_a_name_that_would_end_a_string_or_a_selector_stays_inside_it() -> None:
    hostile = Series('x"} or up{y="', 'a"} or up{b="')
    text = curve_query(CurveQuestion(Quantity.WAITING, hostile, RANGE, 60.0))
    assert '\\"} or up{y=\\"' in text
    assert "or up{" not in text.replace('\\"} or up{y=\\"', "").replace('\\"} or up{b=\\"', "")


class Labelled(Store):
    """A store that answers with a series for each of these pods."""

    def __init__(self, **pods: list[tuple[float, str]]) -> None:
        super().__init__()
        self._pods = pods

    async def range(self, text: str, start: float, end: float, step: float) -> list[Any]:
        self.asked.append((text, start, end, step))
        return [
            {
                "metric": {"q": "requests_waiting", "namespace": "serving", "pod": pod},
                "values": [list(p) for p in pairs],
            }
            for pod, pairs in self._pods.items()
        ]


def named(**stores: Store) -> list[NamedStore]:
    return [NamedStore(name, store, (Match("cluster", Op.EQUAL, name),)) for name, store in stores.items()]


def question_of(*sources: str, quantity: Quantity = Quantity.WAITING) -> CurveQuestion:
    series = replace(SERIES, sources=frozenset(sources), gpu_sources=frozenset({"b"}))
    return CurveQuestion(quantity, series, RANGE, 60.0)


async def test_the_store_that_the_object_is_read_from_is_asked_within_its_own_labels() -> None:
    a, b = Store(), Store(requests_waiting=[(AT, "7")])
    found = await curve_of_fleet(named(a=a, b=b), question_of("b"), clock=lambda: AT)
    assert found.values[-1] == 7.0
    assert a.asked == []
    assert 'cluster="b"' in b.asked[0][0]


async def test_quantities_of_gpus_are_asked_of_the_store_that_has_the_gpus() -> None:
    a, b = Store(), Store(gpu_utilization=[(AT, "0.5")])
    await curve_of_fleet(named(a=a, b=b), question_of("a", quantity=Quantity.GPU_UTIL), clock=lambda: AT)
    assert (len(a.asked), len(b.asked)) == (0, 1)


async def test_what_is_not_measured_now_is_asked_of_one_after_the_other() -> None:
    a, b = Store(), Store(requests_waiting=[(AT, "7")])
    found = await curve_of_fleet(named(a=a, b=b), question_of(), clock=lambda: AT)
    assert found.values[-1] == 7.0
    assert (len(a.asked), len(b.asked)) == (1, 1)


async def test_of_an_object_that_several_have_parts_of_each_engine_counts_once() -> None:
    a = Labelled(x=[(AT - 60, "1"), (AT, "2")], both=[(AT, "10")])
    b = Labelled(both=[(AT - 60, "5"), (AT, "99")], y=[(AT, "300")])
    found = await curve_of_fleet(named(a=a, b=b), question_of("a", "b"), clock=lambda: AT)
    assert found.values == pytest.approx((NAN, NAN, 6.0, 312.0), nan_ok=True)


async def test_percentiles_of_what_several_have_parts_of_are_of_none() -> None:
    with pytest.raises(SourceProblem, match=r"several stores \(a, b\), whose percentiles"):
        await curve_of_fleet(named(a=Store(), b=Store()), question_of("a", "b", quantity=Quantity.TTFT_P95))


async def test_without_a_store_it_says_so() -> None:
    with pytest.raises(SourceProblem, match="no metrics store answers here"):
        await curve_of_fleet([], question_of())
