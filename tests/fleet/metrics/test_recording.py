"""The direct scrape of a real vLLM 0.32 under load: answers two seconds apart, against numbers worked out by hand."""

from __future__ import annotations

import pytest

from fleet.model.histogram import quantile
from fleet.model.measurement import EngineId, HistogramKey, Measurement
from fleet.model.quantity import Family, Quantity
from fleet.model.reading import Bound
from fleet.sources.scrape.source import ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from tests.conftest import RECORDINGS

VLLM = RECORDINGS / "vllm-0.32"
GROUP = HistogramKey("llm", "tiny", "vllm-0", "0")

pytestmark = pytest.mark.contract


class Clock:
    """Controlled time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def _scrape(*numbers: int) -> Measurement:
    clock = Clock()
    source = ScrapeSource(clock=clock)
    answers = [(VLLM / f"metrics-under-load-{n}.txt").read_bytes() for n in numbers]
    measurement = Measurement("scrape", 0.0, 60.0, 5.0)

    for answer in answers:

        async def fetch(path: str, body: bytes = answer) -> bytes:
            return body

        target = ScrapeTarget("llm", "vllm-0", "/api/v1/namespaces/llm/pods/vllm-0:8000/proxy/metrics", fetch=fetch)
        measurement = await source.measure([target], 1_795_221_000.0 + clock.now)
        clock.now += 2.0
    await source.close()
    return measurement


def _value(measurement: Measurement, quantity: Quantity) -> float:
    return measurement.engine_table.columns[quantity][0]


async def test_gauges_stand_at_once() -> None:
    measurement = await _scrape(2)
    assert measurement.engines == (EngineId("llm", "vllm-0", "tiny", "0"),)
    assert _value(measurement, Quantity.RUNNING) == 16
    assert _value(measurement, Quantity.WAITING) == 68
    assert _value(measurement, Quantity.WAITING_CAPACITY) == 68
    assert _value(measurement, Quantity.WAITING_DEFERRED) == 0
    assert _value(measurement, Quantity.KV_USAGE) == 0.047898338220918824
    assert _value(measurement, Quantity.KV_CAPACITY) == 131072
    assert _value(measurement, Quantity.SLEEP_LEVEL) == 0


async def test_there_is_no_rate_before_the_second_sample() -> None:
    measurement = await _scrape(2)
    assert Quantity.GENERATION_TOKENS not in measurement.engine_table.columns
    assert measurement.histograms == {}
    assert measurement.means == {}


async def test_rates_are_the_increase_over_the_time_covered() -> None:
    measurement = await _scrape(1, 2, 3)
    # generation_tokens_total: 67490 → 76434 → 84466 in 4 s.
    assert _value(measurement, Quantity.GENERATION_TOKENS) == pytest.approx((84466 - 67490) / 4)
    # request_success_total, all reasons: 134 → 161; http_requests_total of /v1/completions and chat: the same 27.
    assert _value(measurement, Quantity.REQUESTS) == pytest.approx(27 / 4)
    assert _value(measurement, Quantity.HTTP_REQUESTS) == pytest.approx(27 / 4)


async def test_no_5xx_series_beside_http_requests_means_no_errors() -> None:
    measurement = await _scrape(1, 2)
    assert _value(measurement, Quantity.HTTP_ERRORS) == 0.0


async def test_histograms_are_bucket_deltas() -> None:
    measurement = await _scrape(1, 2, 3)
    e2e = measurement.histograms[Family.E2E][GROUP]
    assert e2e.edges[0] == 0.3
    assert e2e.count == pytest.approx(27 / 4)
    # 5 of the 27 took up to 10 s, all of them up to 15 s.
    assert quantile(0.95, e2e).value == pytest.approx(10 + 5 * (0.95 * 27 - 5) / 22)
    assert quantile(0.50, e2e).value == pytest.approx(10 + 5 * (0.50 * 27 - 5) / 22)
    itl = measurement.histograms[Family.ITL][GROUP]
    assert len(itl.edges) == 20
    p95 = quantile(0.95, itl)
    assert (p95.bound, p95.edge) == (Bound.AT_MOST, 0.01)


async def test_phase_means_are_rates_of_sum_and_count() -> None:
    measurement = await _scrape(2, 3)
    total, count = measurement.means[Quantity.DECODE_MEAN]
    assert total[0] / count[0] == pytest.approx((238.4592688770024 - 211.46138484500239) / 12)
