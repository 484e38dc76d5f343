"""Baselines of a store against PromQL written by hand, of two days in a real Prometheus."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator

import pytest

from fleet.baseline.from_store import stored
from fleet.metrics.dialect import Match, Op
from fleet.model.baseline import DAY, HOUR, BaselineQuestion, Baselines, Then
from fleet.model.curve import Series
from fleet.model.problem import SourceProblem
from fleet.model.quantity import Quantity
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.metrics.servers import Prometheus, prometheus_on

pytestmark = pytest.mark.real("prometheus", "promtool")

Q = Quantity
SCRAPE = 15
NOW = int(time.time()) // 3600 * 3600 - 1800
"""The moment that is compared."""
SERIES = Series("serving", "chat-[a-z0-9]+-[a-z0-9]+", products=frozenset({"vLLM"}))
QUANTITIES = (Q.WAITING, Q.KV_USAGE, Q.TTFT_P95, Q.GENERATION_TOKENS, Q.REQUESTS, Q.GPU_TEMPERATURE)
WHOSE = 'cluster="here",namespace="serving",pod=~"chat-[a-z0-9]+-[a-z0-9]+"'
EDGES = ("0.1", "0.5", "1.0", "5.0", "+Inf")
PODS = {
    "chat-5b6d-aaaaa": (90, 4, 3, 2, 1),
    "chat-5b6d-bbbbb": (10, 40, 25, 20, 5),
    "chat-7c7c-ccccc": (1, 1, 50, 1, 1),
}
"""Requests per scrape in each bucket, by pod: of two that are gone by now, and of one that is busier by then."""


def _samples() -> Iterator[tuple[str, str, str, dict[int, float]]]:
    """(Type, name, labels, samples): the hours around yesterday's moment, and this one's; less than that a week ago."""
    yesterday = range(int(NOW - DAY - HOUR), int(NOW - DAY + HOUR) + 1, SCRAPE)
    today = range(int(NOW - HOUR), int(NOW) + 1, SCRAPE)
    last_week = range(int(NOW - 7 * DAY), int(NOW - 7 * DAY) + 8 * SCRAPE, SCRAPE)
    for number, (pod, buckets) in enumerate(PODS.items()):
        where = f'namespace="serving",pod="{pod}"'
        times = [*last_week, *(yesterday if number < 2 else today)]
        waiting = {at: float((place * (number + 3)) % 17) for place, at in enumerate(times)}
        yield "gauge", "vllm:num_requests_waiting", where, waiting
        yield "gauge", "vllm:num_requests_running", where, waiting
        yield "gauge", "vllm:kv_cache_usage_perc", where, {at: value / 20 for at, value in waiting.items()}
        counted = {at: 100.0 * (number + 1) * place for place, at in enumerate(times)}
        yield "counter", "vllm:generation_tokens_total", where, counted
        for reason in ("stop", "length"):
            labels = f'{where},finished_reason="{reason}"'
            yield "counter", "vllm:request_success_total", labels, {at: v / 50 for at, v in counted.items()}
        total = 0
        for edge, each in zip(EDGES, buckets, strict=True):
            total += each
            bucket = {at: float(total * place) for place, at in enumerate(times)}
            yield "counter", "vllm:time_to_first_token_seconds_bucket", f'{where},le="{edge}"', bucket
        yield "counter", "vllm:time_to_first_token_seconds_count", where, bucket


def _openmetrics() -> Iterator[str]:
    seen = set()
    for kind, name, labels, samples in sorted(_samples(), key=lambda one: one[1]):
        if name not in seen:
            seen.add(name)
            del kind
            yield f"# TYPE {name} gauge"
        for cluster, factor in (("here", 1.0), ("there", 7.0)):
            for at, value in samples.items():
                yield f'{name}{{{labels},cluster="{cluster}",instance="i",job="vllm"}} {value * factor!r} {at}'
    yield "# EOF"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("baselines")
    (folder / "history.txt").write_text("\n".join(_openmetrics()) + "\n")
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "history.txt", folder / "data"]
    subprocess.run(list(map(str, blocks)), check=True, capture_output=True)
    (folder / "prometheus.yml").write_text("global:\n  scrape_interval: 15s\n")
    with prometheus_on(folder / "prometheus.yml", folder) as running:
        yield running


def asked(url: str, *quantities: Quantity, series: Series = SERIES, at: float = NOW) -> Baselines:
    async def ask() -> Baselines:
        source = PrometheusSource(PrometheusEndpoint(url))
        try:
            labels = (Match("cluster", Op.EQUAL, "here"),)
            return await stored(source, labels, BaselineQuestion("k", series, quantities or QUANTITIES, at))
        finally:
            await source.close()

    return asyncio.run(ask())


BY_HAND = {
    Q.WAITING: f"sum(avg_over_time(vllm:num_requests_waiting{{{WHOSE}}}[1h]))",
    Q.KV_USAGE: f"avg(avg_over_time(vllm:kv_cache_usage_perc{{{WHOSE}}}[1h]))",
    Q.TTFT_P95: f"histogram_quantile(0.95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket{{{WHOSE}}}[1h])))",
    Q.GENERATION_TOKENS: f"sum(rate(vllm:generation_tokens_total{{{WHOSE}}}[1h]))",
    Q.REQUESTS: f"sum(rate(vllm:request_success_total{{{WHOSE}}}[1h]))",
}


def test_the_hour_around_this_time_yesterday_is_what_a_query_by_hand_says(store: Prometheus) -> None:
    found = asked(store.url)
    end = NOW - DAY + HOUR / 2
    for quantity, text in BY_HAND.items():
        (one,) = found.of[quantity]
        assert one.value == pytest.approx(store.value(text, end), rel=1e-9), quantity
        assert one.points == pytest.approx(3600 / SCRAPE, abs=1)
        assert (one.then, one.start, one.end, one.source) == (Then.YESTERDAY, end - HOUR, end, "prometheus")
    assert Q.GPU_TEMPERATURE not in found.of, "what was not measured has no baseline"


def test_a_percentile_is_of_merged_buckets_and_no_mean_of_percentiles(store: Prometheus) -> None:
    end = NOW - DAY + HOUR / 2
    single = BY_HAND[Q.TTFT_P95].replace("sum by (le)", "sum by (le, pod)")
    of_pods = [value for _, value in store.query(single, end)]
    assert len(of_pods) == 2
    value = asked(store.url).of[Q.TTFT_P95][0].value
    assert abs(value - sum(of_pods) / 2) > 0.2


def test_of_a_few_measurements_nothing_is_said(store: Prometheus) -> None:
    """A week ago it was measured eight times."""
    assert {one.then for some in asked(store.url).of.values() for one in some} == {Then.YESTERDAY}


def test_an_hour_that_the_store_does_not_have_has_no_baseline(store: Prometheus) -> None:
    assert asked(store.url, at=NOW - 3 * DAY).of == {}


async def test_the_queries_are_bounded_and_each_is_short_enough(store: Prometheus) -> None:
    texts = []

    class Counting(PrometheusSource):
        async def range(self, text: str, start: float, end: float, step: float) -> list[object]:
            texts.append(text)
            assert (end - start) / step == 1
            return await super().range(text, start, end, step)

    source = Counting(PrometheusEndpoint(store.url))
    try:
        await stored(source, (), BaselineQuestion("k", SERIES, QUANTITIES, NOW))
    finally:
        await source.close()
    assert 0 < len(texts) <= len(QUANTITIES) + 2


def test_a_store_that_is_gone_is_said_in_words() -> None:
    with pytest.raises(SourceProblem):
        asked("http://127.0.0.1:9")
