"""The points of a plot against PromQL written by hand, at each of their moments, and a real Prometheus."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from fleet.metrics.ingredients import query_behind
from fleet.model.curve import Curve, CurveQuestion, Series, TimeRange
from fleet.model.problem import SourceProblem
from fleet.model.quantity import Quantity
from fleet.sources.curves import curve
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.real.stage import prometheus, query
from tests.simulator.api_process import simulator
from tests.waiting import block_until

pytestmark = pytest.mark.real("prometheus")

Q = Quantity
WORKLOAD = 'namespace="serving",pod=~"chat-8b-[a-z0-9]+-[a-z0-9]+"'
SERIES = Series("serving", "chat-8b-[a-z0-9]+-[a-z0-9]+")
HELD = 'exported_namespace="serving",exported_pod=~"chat-8b-[a-z0-9]+-[a-z0-9]+"'


def _quantile(q: float, metric: str, span: int) -> str:
    return f"histogram_quantile({q}, sum by (le) (rate({metric}_bucket{{{WORKLOAD}}}[{span}s])))"


def _mean(metric: str, span: int) -> str:
    top, bottom = (f"sum(rate({metric}_{part}{{{WORKLOAD}}}[{span}s]))" for part in ("sum", "count"))
    return f"{top} / ({bottom} > 0)"


def by_hand(span: int, over: str) -> dict[Quantity, str]:
    """Return the queries that a user would write, with rates over ``span`` seconds and gauges over a range or (empty)
    as they are.
    """

    def gauge(operator: str, name: str, labels: str = WORKLOAD, highest: str = "avg") -> str:
        selected = f"{name}{{{labels}}}"
        return f"{operator}({highest}_over_time({selected}{over}))" if over else f"{operator}({selected})"

    return {
        Q.WAITING: gauge("sum", "vllm:num_requests_waiting"),
        Q.RUNNING: gauge("sum", "vllm:num_requests_running"),
        Q.KV_USAGE: gauge("avg", "vllm:kv_cache_usage_perc"),
        Q.GENERATION_TOKENS: f"sum(rate(vllm:generation_tokens_total{{{WORKLOAD}}}[{span}s]))",
        # One series for each reason why requests finish: all of them count.
        Q.REQUESTS: f"sum(rate(vllm:request_success_total{{{WORKLOAD}}}[{span}s]))",
        Q.PREFIX_HIT_RATIO: f"sum(rate(vllm:prefix_cache_hits_total{{{WORKLOAD}}}[{span}s]))"
        f" / (sum(rate(vllm:prefix_cache_queries_total{{{WORKLOAD}}}[{span}s])) > 0)",
        Q.TTFT_P50: _quantile(0.5, "vllm:time_to_first_token_seconds", span),
        Q.TTFT_P95: _quantile(0.95, "vllm:time_to_first_token_seconds", span),
        Q.TTFT_P99: _quantile(0.99, "vllm:time_to_first_token_seconds", span),
        Q.E2E_P95: _quantile(0.95, "vllm:e2e_request_latency_seconds", span),
        Q.DECODE_MEAN: _mean("vllm:request_decode_time_seconds", span),
        Q.GPU_UTIL: gauge("avg", "DCGM_FI_DEV_GPU_UTIL", HELD) + " / 100",
        Q.GPU_MEMORY_USED: gauge("sum", "DCGM_FI_DEV_FB_USED", HELD) + " * 1048576",
        Q.GPU_TEMPERATURE: gauge("max", "DCGM_FI_DEV_GPU_TEMP", HELD, "max"),
    }


PLAIN, LONG = by_hand(10, ""), by_hand(5, "[5s]")


@dataclass(frozen=True)
class Stage:
    url: str
    end: float


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A simulated fleet under load, scraped every second, for as long as a range takes."""
    folder = tmp_path_factory.mktemp("plots")
    with simulator("--scenario", "rush-hour", "--seed", "3") as fleet:
        config = yaml.safe_load(Path(fleet.said["prometheus_config"]).read_text())
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        with prometheus(folder, config) as url:
            text = f"count(rate(vllm:generation_tokens_total{{{WORKLOAD}}}[10s] offset 25s) > 0) > 1"
            block_until(lambda: query(url, text), "half a minute of samples")
            yield Stage(url, math.floor(time.time()) - 3.0)


def asked(stage: Stage, question: CurveQuestion) -> Curve:
    async def ask() -> Curve:
        source = PrometheusSource(PrometheusEndpoint(stage.url))
        try:
            return await curve(source, (), question)
        finally:
            await source.close()

    return asyncio.run(ask())


def values_by_hand(stage: Stage, text: str, moments: TimeRange) -> list[float]:
    found = []
    for at in moments.times():
        result = query(stage.url, text, at)
        found.append(float(result[0]["value"][1]) if result else math.nan)
    return found


@pytest.mark.parametrize("quantity", PLAIN)
def test_every_point_is_what_a_query_by_hand_says_at_its_moment(stage: Stage, quantity: Quantity) -> None:
    moments = TimeRange(stage.end, 2.0, 10)
    expected = values_by_hand(stage, PLAIN[quantity], moments)
    assert any(not math.isnan(value) for value in expected), "the query by hand finds nothing to compare with"
    found = asked(stage, CurveQuestion(quantity, SERIES, moments, 10.0))
    assert found.values == pytest.approx(expected, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("quantity", PLAIN)
def test_the_query_that_is_copied_for_a_number_gives_it_as_a_query_by_hand_does(
    stage: Stage, quantity: Quantity
) -> None:
    (expected,) = values_by_hand(stage, PLAIN[quantity], TimeRange(stage.end, 1.0, 1))
    (document,) = query(stage.url, query_behind(quantity, SERIES, 10.0), stage.end)
    assert not math.isnan(expected)
    assert float(document["value"][1]) == pytest.approx(expected, rel=1e-9)
    assert set(document["metric"]) <= {"__name__"}, "one number, and no label to choose by"


@pytest.mark.parametrize("quantity", LONG)
def test_where_steps_are_longer_than_the_window_a_point_is_of_the_whole_step(stage: Stage, quantity: Quantity) -> None:
    moments = TimeRange(stage.end, 5.0, 4)
    expected = values_by_hand(stage, LONG[quantity], moments)
    assert any(not math.isnan(value) for value in expected)
    found = asked(stage, CurveQuestion(quantity, SERIES, moments, 2.0))
    assert found.values == pytest.approx(expected, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Q.WAITING, f"max_over_time(sum(vllm:num_requests_waiting{{{WORKLOAD}}})[5s:1s])"),
        (Q.KV_USAGE, f"max_over_time(avg(vllm:kv_cache_usage_perc{{{WORKLOAD}}})[5s:1s])"),
    ],
)
def test_where_steps_are_long_the_peak_within_each_is_that_of_the_whole_workload(
    stage: Stage, quantity: Quantity, text: str
) -> None:
    moments = TimeRange(stage.end, 5.0, 4)
    found = asked(stage, CurveQuestion(quantity, SERIES, moments, 2.0, peaks=True))
    assert found.is_peak
    assert found.low == found.values
    assert found.high == pytest.approx(values_by_hand(stage, text, moments), rel=1e-9, nan_ok=True)
    # With a subquery every sample of the step is looked at, which the mean of the step is of, too.
    assert all(high >= value * (1 - 1e-9) for high, value in zip(found.high, found.values, strict=True))
    plain = asked(stage, CurveQuestion(quantity, SERIES, moments, 10.0, peaks=True))
    assert not plain.is_peak, "where each point is a sample, there is no peak between two"


def test_a_node_is_all_its_cards(stage: Stage) -> None:
    uuids = {one["metric"]["UUID"] for one in query(stage.url, f"DCGM_FI_DEV_GPU_TEMP{{{HELD}}}", stage.end)}
    moments = TimeRange(stage.end, 2.0, 5)
    found = asked(stage, CurveQuestion(Q.GPU_MEMORY_USED, Series(cards=tuple(uuids)), moments, 10.0))
    text = f'sum(DCGM_FI_DEV_FB_USED{{UUID=~"{"|".join(uuids)}"}}) * 1048576'
    assert found.values == pytest.approx(values_by_hand(stage, text, moments))


def test_a_band_comes_with_the_same_query(stage: Stage) -> None:
    moments = TimeRange(stage.end, 2.0, 10)
    found = asked(stage, CurveQuestion(Q.TTFT_P95, SERIES, moments, 10.0, (Q.TTFT_P50, Q.TTFT_P99)))
    for quantity, values in ((Q.TTFT_P50, found.low), (Q.TTFT_P95, found.values), (Q.TTFT_P99, found.high)):
        expected = values_by_hand(stage, PLAIN[quantity], moments)
        assert values == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_what_is_before_the_first_sample_is_a_gap(stage: Stage) -> None:
    moments = TimeRange(stage.end, 60.0, 30)
    found = asked(stage, CurveQuestion(Q.WAITING, SERIES, moments, 10.0))
    assert math.isnan(found.values[0])
    assert not math.isnan(found.values[-1])
    assert found.since > moments.start


def test_one_pod_and_one_gpu_have_their_own_numbers(stage: Stage) -> None:
    moments = TimeRange(stage.end, 2.0, 5)
    labels = query(stage.url, f"vllm:num_requests_running{{{WORKLOAD}}}", stage.end)[0]["metric"]
    one = f'vllm:num_requests_running{{namespace="serving",pod="{labels["pod"]}"}}'
    series = Series("serving", labels["pod"], is_one=True)
    found = asked(stage, CurveQuestion(Q.RUNNING, series, moments, 10.0))
    assert found.values == pytest.approx(values_by_hand(stage, f"sum({one})", moments))
    uuid = query(stage.url, f"DCGM_FI_DEV_GPU_TEMP{{{HELD}}}", stage.end)[0]["metric"]["UUID"]
    found = asked(stage, CurveQuestion(Q.GPU_TEMPERATURE, Series(gpu=(uuid, ""), is_one=True), moments, 10.0))
    assert found.values == pytest.approx(values_by_hand(stage, f'DCGM_FI_DEV_GPU_TEMP{{UUID="{uuid}"}}', moments))


def test_the_dialects_that_are_known_give_the_same_with_a_shorter_query(stage: Stage) -> None:
    moments = TimeRange(stage.end, 2.0, 5)
    every = CurveQuestion(Q.TTFT_P95, SERIES, moments, 10.0)
    known = replace(every, series=replace(SERIES, products=frozenset({"vLLM"})))
    assert asked(stage, known).values == pytest.approx(asked(stage, every).values, nan_ok=True)


def test_a_store_that_is_gone_is_said_in_words() -> None:
    with pytest.raises(SourceProblem):
        asked(Stage("http://127.0.0.1:9", 0.0), CurveQuestion(Q.WAITING, SERIES, TimeRange(1e9, 15.0, 4), 60.0))
