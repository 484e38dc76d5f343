"""Two measurements as one: nothing that only one of them has is lost."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace

import pytest

from fleet.metrics.joining import join
from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, GatewayId, GpuId, Measurement, Table
from fleet.model.quantity import Family, Quantity

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


def test_gateways_that_only_the_other_has_are_kept_with_the_rows_of_both() -> None:
    asked = replace(_measured("prometheus", 130.0, ONE, skew=20.0, GATEWAY_QUEUED=7.0), engines=(ENGINE,))
    scraped = _measured("scrape", 108.0, OTHER, TWO, GATEWAY_IN_FLIGHT=3.0, GATEWAY_QUEUED=2.0)
    found = join(asked, scraped)
    assert found is not None
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
    found = join(asked, scraped)
    assert found is not None
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
    found = join(*(replace(one, engines=(ENGINE,) if one is whole else ()) for one in (asked, scraped)))
    assert found is not None
    assert found.gateways == ((by_address, another) if whole is asked else (ONE, another))
    assert found.gateway_histograms[Family.GATEWAY_TTFT].keys() == set(found.gateways)
    assert len(found.gateway_table.columns[Quantity.GATEWAY_IN_FLIGHT]) == 2


def test_gpus_are_as_old_as_they_are_when_the_engines_are_measured() -> None:
    """An answer that was waited for is of a time before the scrape, by a clock of its own."""
    asked = replace(_measured("prometheus", 130.0, skew=20.0), gpus=(GPU,), gpu_table=Table({}, array("d", [4.0])))
    found = join(asked, replace(_measured("scrape", 135.0), engines=(ENGINE,)))
    assert found is not None
    assert list(found.gpu_table.ages) == [29.0]
    assert list(asked.gpu_table.ages) == [4.0]


def test_where_there_is_one_it_is_that_one() -> None:
    one = _measured("scrape", 1.0, ONE)
    assert join(None, None) is None
    assert join(one, None) is one
    assert join(None, one) is one
