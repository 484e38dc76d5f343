"""The last calm hour in a real Prometheus that keeps six hours, against PromQL written by hand."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from console.config.settings import Settings
from console.wiring.past_numbers import PastNumbers
from fleet.baseline.calm_hour import calm_in_store
from fleet.baseline.from_store import stored
from fleet.model.baseline import HOUR, RECENT, BaselineQuestion, Baselines, Then
from fleet.model.curve import Series
from fleet.model.quantity import Quantity
from fleet.sources.kube.state import KubeState
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.protocol import MetricsSource
from fleet.sources.store import NamedStore
from tests.fleet.metrics.servers import Prometheus, prometheus_on
from tests.fleet.rows import kube

pytestmark = pytest.mark.real("prometheus", "promtool")

Q = Quantity
SCRAPE = 30
NOW = int(time.time()) // 60 * 60
BEGAN = NOW - 6 * 3600
QUANTITIES = (Q.WAITING, Q.TTFT_P95, Q.GENERATION_TOKENS, Q.ERROR_RATIO)
QUERIES = 2
"""Number of queries that the query of the signs is split into."""
EDGES = {"0.5": 5, "1.0": 3, "+Inf": 2}
"""Requests per scrape in each bucket."""


def _minute(before: float) -> float:
    return NOW - 60 * before


TROUBLE = {
    "quiet": (),
    "queue": ((80, 40),),
    "errors": ((100, 80), (30, 0)),
    "preempts": ((100, 80), (30, 0)),
    "full": ((100, 80), (30, 0)),
    "down": ((100, 80), (30, 0)),
    "always": tuple((360 - 50 * each, 350 - 50 * each) for each in range(8)),
}
"""Workload → minutes before now in which it was in trouble; what that is, by its name."""


def _of_workload(name: str) -> Iterator[tuple[str, str, float, float]]:
    """(metric, labels, time, value) of two pods, one of which gets into trouble."""
    for pod in ("a", "b"):
        where = f'namespace="serving",pod="{name}-5b6d-aaaa{pod}"'
        tokens = failed = preempted = served = 0.0
        for place, at in enumerate(range(BEGAN, NOW + 1, SCRAPE)):
            bad = pod == "a" and any(_minute(since) <= at <= _minute(until) for since, until in TROUBLE[name])
            yield "up", where, at, 0.0 if bad and name == "down" else 1.0
            queue = 60.0 if bad and name in ("queue", "always") else float(place % 3)
            yield "vllm:num_requests_running", where, at, 4.0
            yield "vllm:num_requests_waiting", where, at, queue + (bad and name == "full")
            yield "vllm:kv_cache_usage_perc", where, at, 0.97 if bad and name == "full" else 0.5
            tokens, served = tokens + 100 + place % 7, served + 10
            failed, preempted = failed + 5 * (bad and name == "errors"), preempted + 9 * (bad and name == "preempts")
            yield "vllm:generation_tokens_total", where, at, tokens
            yield "vllm:num_preemptions_total", where, at, preempted
            for status, count in (("2xx", served), ("5xx", failed)):
                yield "http_requests_total", f'{where},handler="/v1/completions",status="{status}"', at, count
            total = 0
            for edge, each in EDGES.items():
                total += each
                yield "vllm:time_to_first_token_seconds_bucket", f'{where},le="{edge}"', at, float(total * place)


def _openmetrics() -> Iterator[str]:
    seen: dict[str, None] = {}
    samples = (sample for name in TROUBLE for sample in _of_workload(name))
    for name, labels, at, value in sorted(samples, key=lambda sample: sample[0]):
        if name not in seen:
            seen[name] = None
            yield f"# TYPE {name} gauge"
        yield f'{name}{{{labels},instance="i",job="vllm"}} {value!r} {at}'
    yield "# EOF"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("calm")
    (folder / "history.txt").write_text("\n".join(_openmetrics()) + "\n")
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "history.txt", folder / "data"]
    subprocess.run(list(map(str, blocks)), check=True, capture_output=True)
    (folder / "prometheus.yml").write_text("global:\n  scrape_interval: 30s\n")
    with prometheus_on(folder / "prometheus.yml", folder) as running:
        yield running


class Counted(PrometheusSource):
    """Counts its queries, and the moments of each."""

    def __init__(self, url: str) -> None:
        super().__init__(PrometheusEndpoint(url))
        self.moments: list[float] = []

    async def range(self, text: str, start: float, end: float, step: float) -> list[object]:
        self.moments.append((end - start) / step + 1)
        return await super().range(text, start, end, step)


def asked(url: str, name: str, at: float = NOW) -> tuple[Baselines, list[float]]:
    async def ask() -> tuple[Baselines, list[float]]:
        source = Counted(url)
        series = Series("serving", f"{name}-[a-z0-9]+-[a-z0-9]+", products=frozenset({"vLLM"}))
        question = BaselineQuestion("k", series, QUANTITIES, at)
        try:
            assert (await stored(source, (), question)).of == {}, "yesterday is not there"
            source.moments.clear()
            return await calm_in_store(source, (), question), source.moments
        finally:
            await source.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("name", "before"),
    [("quiet", RECENT / 60), ("queue", 80), ("errors", 100), ("preempts", 100), ("full", 100), ("down", 100)],
)
def test_the_last_calm_hour_ends_as_the_trouble_begins(store: Prometheus, name: str, before: float) -> None:
    """Fifty minutes between two troubles are no hour; a rate takes two minutes to exceed its limit."""
    found, _ = asked(store.url, name)
    one = found.of[Q.TTFT_P95][0]
    assert (one.then, one.source) == (Then.CALM, "prometheus")
    assert one.end - one.start == pytest.approx(HOUR)
    assert _minute(before + 1) - 1 <= one.end <= _minute(before - 2)
    assert name == "quiet" or found.of[Q.ERROR_RATIO][0].value < 0.05


def test_its_numbers_are_what_queries_by_hand_say_of_that_hour(store: Prometheus) -> None:
    found, _ = asked(store.url, "queue")
    whose = 'namespace="serving",pod=~"queue-.*"'
    by_hand = {
        Q.WAITING: f"sum(avg_over_time(vllm:num_requests_waiting{{{whose}}}[1h]))",
        Q.TTFT_P95: "histogram_quantile(0.95, sum by (le) "
        f"(rate(vllm:time_to_first_token_seconds_bucket{{{whose}}}[1h])))",
        Q.GENERATION_TOKENS: f"sum(rate(vllm:generation_tokens_total{{{whose}}}[1h]))",
    }
    for quantity, text in by_hand.items():
        (one,) = found.of[quantity]
        assert one.value == pytest.approx(store.value(text, round(one.end)), rel=1e-9), quantity
        assert one.points == pytest.approx(3600 / SCRAPE, abs=1)


def test_an_object_that_is_never_calm_for_an_hour_has_none_and_the_search_is_bounded(store: Prometheus) -> None:
    found, moments = asked(store.url, "always")
    assert found.of == {}
    assert QUERIES < len(moments) <= 4 * QUERIES
    assert max(moments) <= 360


def test_six_hours_are_enough_where_the_last_hours_were_calm(store: Prometheus) -> None:
    assert len(asked(store.url, "quiet")[1]) == QUERIES


def test_what_is_not_there_was_not_calm(store: Prometheus) -> None:
    found, moments = asked(store.url, "another")
    assert (found.of, len(moments)) == ({}, QUERIES)


class Stores:
    """The metrics of a console that reads one store."""

    def __init__(self, store: Counted) -> None:
        self._store = store

    async def stores(self, state: KubeState, now: float) -> tuple[NamedStore, ...]:
        del state, now
        return (NamedStore("prometheus", self._store, ()),)


@pytest.mark.parametrize(("name", "has_one"), [("queue", True), ("always", False)])
async def test_the_console_takes_it_from_the_store_where_nothing_was_recorded(
    store: Prometheus, tmp_path: Path, name: str, has_one: bool
) -> None:
    source = Counted(store.url)
    past = PastNumbers(Settings(), cast("MetricsSource", Stores(source)), lambda: kube([]), {"HOME": str(tmp_path)})
    series = Series("serving", f"{name}-[a-z0-9]+-[a-z0-9]+", products=frozenset({"vLLM"}))
    try:
        found = await past.baselines(BaselineQuestion("serving/Deployment/x", series, QUANTITIES, NOW))
    finally:
        await source.close()
    assert bool(found.of) is has_one
    assert found.problem == ("" if has_one else "the metrics store has neither a calm hour of it nor yesterday")
