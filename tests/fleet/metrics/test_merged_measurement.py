"""Measurements of one fleet as one: nothing that only one has is lost, and nothing counts twice."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace

import pytest

from fleet.metrics.merged_measurement import LastMeasurement, MergedMeasurement, merged
from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, GatewayId, GpuId, HistogramKey, Measurement, Table
from fleet.model.quantity import Family, Quantity
from tests.fleet.rows import pod

ENGINE = EngineId("llm", "e", "chat", "0")
GPU = GpuId("GPU-1", "", "n1", "0")
ONE, TWO = GatewayId("llm", "g-1", "LiteLLM", "chat"), GatewayId("llm", "g-2", "LiteLLM", "chat")
OTHER = ONE._replace(model="other")
LATENCY = Histogram((1.0, math.inf), (2.0, 3.0))


def _measured(source: str, at: float, *gateways: GatewayId, skew: float = 0.0, **numbers: float) -> Measurement:
    columns = {Quantity[name]: array("d", [value] * len(gateways)) for name, value in numbers.items()}
    return Measurement(
        source,
        at,
        60.0,
        5.0,
        gateways=gateways,
        gateway_table=Table(columns, array("d", [1.0] * len(gateways)), frozenset(range(len(gateways)))),
        gateway_histograms={Family.GATEWAY_TTFT: dict.fromkeys(gateways, LATENCY)},
        clock_skew=skew,
    )


def _merged(*measurements: Measurement) -> Measurement:
    """The first is declared first."""
    found = merged([LastMeasurement(one.source, one) for one in measurements], {}).measurement
    assert found is not None
    return found


def test_gateways_that_only_the_other_has_are_kept_with_the_rows_of_both() -> None:
    asked = replace(_measured("prometheus", 130.0, ONE, skew=20.0, GATEWAY_QUEUED=7.0), engines=(ENGINE,))
    scraped = _measured("scrape", 108.0, OTHER, TWO, GATEWAY_IN_FLIGHT=3.0, GATEWAY_QUEUED=2.0)
    found = _merged(asked, scraped)
    assert (found.source, found.engines) == ("prometheus", (ENGINE,))
    # The process that Prometheus has is read from Prometheus alone.
    assert found.gateways == (ONE, TWO)
    assert list(found.gateway_table.columns[Quantity.GATEWAY_QUEUED]) == [7.0, 2.0]
    in_flight = found.gateway_table.columns[Quantity.GATEWAY_IN_FLIGHT]
    assert math.isnan(in_flight[0])
    assert in_flight[1] == 3.0
    assert list(found.gateway_table.ages) == [1.0, 3.0]
    assert found.gateway_table.reset == {0, 1}
    assert found.gateway_histograms[Family.GATEWAY_TTFT].keys() == {ONE, TWO}
    # And neither of the two has become another.
    assert len(asked.gateway_table.ages) == 1
    assert list(asked.gateway_histograms[Family.GATEWAY_TTFT]) == [ONE]


def test_a_scrape_that_has_the_engines_is_completed_by_what_prometheus_has_of_gateways_and_gpus() -> None:
    scraped = replace(_measured("scrape", 100.0), engines=(ENGINE,))
    asked = replace(_measured("prometheus", 100.0, ONE, GATEWAY_QUEUED=7.0), gpus=(GPU,))
    found = _merged(scraped, asked)
    assert (found.source, found.engines, found.gateways, found.gpus) == ("scrape", (ENGINE,), (ONE,), (GPU,))
    assert list(found.gateway_table.columns[Quantity.GATEWAY_QUEUED]) == [7.0]


@pytest.mark.parametrize("engines_by", ["prometheus", "scrape"])
def test_a_gateway_that_a_store_knows_by_its_address_alone_is_not_there_twice(engines_by: str) -> None:
    """A static target, or a ServiceMonitor that drops the labels of pods."""
    by_address = GatewayId("", "", "LiteLLM", "chat", instance="10.0.0.7:4000")
    another = GatewayId("", "", "sglang-router", "chat", instance="10.0.0.8:29000")
    asked = _measured("prometheus", 100.0, by_address, another, GATEWAY_IN_FLIGHT=2.0)
    scraped = _measured("scrape", 100.0, ONE, GATEWAY_IN_FLIGHT=2.0)
    whole = asked if engines_by == "prometheus" else scraped
    other = scraped if whole is asked else asked
    found = _merged(replace(whole, engines=(ENGINE,)), other)
    assert found.gateways == ((by_address, another) if whole is asked else (ONE, another))
    assert found.gateway_histograms[Family.GATEWAY_TTFT].keys() == set(found.gateways)
    assert len(found.gateway_table.columns[Quantity.GATEWAY_IN_FLIGHT]) == 2


def test_gpus_are_as_old_as_they_are_when_the_engines_are_measured() -> None:
    """An answer that was waited for is of a time before the scrape, by a clock of its own."""
    asked = replace(_measured("prometheus", 130.0, skew=20.0), gpus=(GPU,), gpu_table=Table({}, array("d", [4.0])))
    found = _merged(replace(_measured("scrape", 135.0), engines=(ENGINE,)), asked)
    assert list(found.gpu_table.ages) == [29.0]
    assert list(asked.gpu_table.ages) == [4.0]


def test_where_there_is_one_it_is_that_one() -> None:
    one = _measured("scrape", 1.0, ONE)
    assert merged([], {}).measurement is None
    assert merged([LastMeasurement("scrape", one)], {}).measurement is one


PODS = {f"llm/{name}": pod(name, namespace="llm", ip=f"10.0.0.{at}") for at, name in enumerate("abcd")}
FAST, SLOW = Histogram((1.0, math.inf), (4.0, 4.0), 2.0), Histogram((1.0, math.inf), (0.0, 6.0), 12.0)


def _of(
    *pods: str, at: float = 100.0, age: float = 1.0, running: float = 1.0, whole: Histogram = FAST, **own: Histogram
) -> Measurement:
    """Return one Prometheus' measurement of engines of one model, with the buckets that it was asked for."""
    engines = tuple(EngineId("llm", name, "chat", "0") for name in pods)
    groups = {HistogramKey("llm", "chat"): whole} | {
        HistogramKey("llm", "chat", name, "0"): one for name, one in own.items()
    }
    return Measurement(
        "prometheus",
        at,
        60.0,
        15.0,
        engines=engines,
        engine_table=Table(
            {Quantity.RUNNING: array("d", [running] * len(pods))}, array("d", [age] * len(pods)), frozenset({0})
        ),
        dialects=(("vLLM",),) * len(pods),
        histograms={Family.TTFT: groups},
        means={Quantity.QUEUE_MEAN: (array("d", [running] * len(pods)), array("d", [1.0] * len(pods)))},
    )


def _both(one: Measurement, other: Measurement) -> MergedMeasurement:
    return merged([LastMeasurement("prometheus", one), LastMeasurement("prometheus/b", other)], PODS)


def _read(found: MergedMeasurement) -> dict[str, tuple[str, float]]:
    """Pod → the store that it is read from, and its running requests."""
    m = found.measurement
    assert m is not None
    running = m.engine_table.columns[Quantity.RUNNING]
    assert len(running) == len(m.engine_table.ages) == len(m.dialects) == len(m.sources.engines) == len(m.engines)
    return {e.pod: (m.sources.engines[i], running[i]) for i, e in enumerate(m.engines)}


def test_of_an_engine_that_both_have_the_first_declared_is_read_and_nothing_is_added_up() -> None:
    found = _both(_of("a", "b", running=3.0), _of("a", "b", running=4.0))
    assert _read(found) == {"a": ("prometheus", 3.0), "b": ("prometheus", 3.0)}
    assert found.measurement is not None
    assert found.measurement.histograms[Family.TTFT] == {HistogramKey("llm", "chat"): FAST}
    assert found.lacking == frozenset()


@pytest.mark.parametrize(("age", "reader"), [(16.0, "prometheus"), (17.0, "prometheus/b")])
def test_a_store_that_is_fresher_by_more_than_a_scrape_interval_takes_over(age: float, reader: str) -> None:
    found = _both(_of("a", age=age), _of("a", age=1.0))
    assert {name for name, _ in _read(found).values()} == {reader}


def test_two_halves_are_a_whole_with_the_buckets_of_both() -> None:
    found = _both(_of("a", "b"), _of("c", "d", running=2.0, whole=SLOW))
    assert _read(found) == {
        "a": ("prometheus", 1.0),
        "b": ("prometheus", 1.0),
        "c": ("prometheus/b", 2.0),
        "d": ("prometheus/b", 2.0),
    }
    assert found.measurement is not None
    assert found.measurement.histograms[Family.TTFT] == {
        HistogramKey("llm", "chat"): Histogram((1.0, math.inf), (4.0, 10.0), 14.0)
    }
    assert found.measurement.engine_table.reset == {0, 2}
    assert [*found.measurement.means[Quantity.QUEUE_MEAN][0]] == [1.0, 1.0, 2.0, 2.0]


def test_of_a_model_that_two_have_overlapping_parts_of_the_buckets_of_single_pods_are_wanted() -> None:
    """The merged buckets of the second one have the requests of b, too, which are those of the first one already."""
    found = _both(_of("a", "b"), _of("b", "c", whole=SLOW))
    assert found.measurement is not None
    assert found.measurement.histograms[Family.TTFT] == {}
    assert found.lacking == {"llm/c"}
    again = _both(_of("a", "b"), _of("b", "c", whole=SLOW, b=FAST, c=SLOW))
    assert again.measurement is not None
    assert again.lacking == frozenset()
    assert again.measurement.histograms[Family.TTFT] == {
        HistogramKey("llm", "chat", "c", "0"): SLOW,
        HistogramKey("llm", "chat"): Histogram((1.0, math.inf), (4.0, 10.0), 14.0),
    }


def test_a_scrape_completes_the_percentiles_of_a_model_with_the_buckets_of_its_engines() -> None:
    scraped = replace(
        _of("c", c=SLOW), source="scrape", histograms={Family.TTFT: {HistogramKey("llm", "chat", "c", "0"): SLOW}}
    )
    found = merged([LastMeasurement("prometheus", _of("a", "b")), LastMeasurement("scrape", scraped)], PODS).measurement
    assert found is not None
    assert found.sources.engines == ("prometheus", "prometheus", "scrape")
    assert found.histograms[Family.TTFT][HistogramKey("llm", "chat")] == Histogram((1.0, math.inf), (4.0, 10.0), 14.0)


def test_a_process_that_a_store_knows_by_its_address_alone_is_the_pod_there() -> None:
    by_address = replace(_of("a", running=9.0), engines=(EngineId("", "", "chat", "0", "10.0.0.0:8000"),))
    assert _read(_both(_of("a", "b"), by_address)) == {"a": ("prometheus", 1.0), "b": ("prometheus", 1.0)}


def test_what_a_store_said_before_it_failed_counts_of_pods_that_are_still_there() -> None:
    failed = LastMeasurement("prometheus", _of("a", "gone", at=80.0), failed_since=True)
    found = merged([LastMeasurement("prometheus/b", _of("b")), failed], PODS)
    assert _read(found).keys() == {"b", "a"}
    assert found.measurement is not None
    assert [*found.measurement.engine_table.ages] == [1.0, 21.0]


def test_what_one_cannot_reach_and_another_measures_is_reached() -> None:
    out = {"llm/b": "Prometheus cannot scrape it", "10.0.0.2:8000": "as well", "llm/z": "as well"}
    found = _both(replace(_of("a"), unreachable=out), _of("b", "c")).measurement
    assert found is not None
    assert found.unreachable == {"llm/z": "as well"}


def test_a_gpu_is_read_from_the_first_that_has_it() -> None:
    other = GPU._replace(uuid="GPU-2")
    table = Table({Quantity.GPU_UTIL: array("d", [0.5])}, array("d", [1.0]))
    both = Table({Quantity.GPU_UTIL: array("d", [0.7, 0.9])}, array("d", [1.0, 2.0]))
    one = replace(_of("a"), gpus=(GPU,), gpu_table=table, throttle_reasons={"GPU-1": ("heat",)})
    two = replace(_of(), gpus=(GPU, other), gpu_table=both, throttle_reasons={"GPU-1": (), "GPU-2": ("power",)})
    found = _both(one, two).measurement
    assert found is not None
    assert found.gpus == (GPU, other)
    assert found.sources.gpus == ("prometheus", "prometheus/b")
    assert [*found.gpu_table.columns[Quantity.GPU_UTIL]] == [0.5, 0.9]
    assert found.throttle_reasons == {"GPU-1": ("heat",), "GPU-2": ("power",)}
