"""A real vLLM under load, through a real Prometheus and scraped directly: the two agree, and both with the client."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet.local.record import ServerRecord
from fleet.model.histogram import Histogram, merge, quantile
from fleet.model.measurement import Measurement
from fleet.model.quantity import Family, Quantity
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.scrape.source import ScrapeLimits, ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from tests.real.load import KEY
from tests.real.local_servers import ONE, SLOTS
from tests.real.stage import prometheus, query, snapshot
from tests.waiting import block_until

pytestmark = [
    pytest.mark.real("prometheus"),
    pytest.mark.real("vllm"),
    pytest.mark.timeout(600),
]

LOADED = 3.0
"""Seconds under load at least: a few scrapes of Prometheus', and twice as many of ours."""


@dataclass(frozen=True)
class Stage:
    engine: ServerRecord
    prometheus: str


@dataclass(frozen=True)
class Load:
    """The requests that ``tests.real.load`` sends."""

    clients: int
    tokens: int
    pause: float
    """Seconds between two requests of a client."""


QUEUE = Load(12, 40, 0.0)
"""More than run at once."""
TRICKLE = Load(2, 20, 1.0)
"""Some requests begin and end in every few seconds; the engine is idle for most of them."""


@pytest.fixture(scope="module")
def stage(engine: ServerRecord, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    labels = {"namespace": "local", "pod": "tiny-0"}
    address = engine.spec.url.removeprefix("http://")
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "vllm", "static_configs": [{"targets": [address], "labels": labels}]}],
    }
    with prometheus(tmp_path_factory.mktemp("prometheus"), config) as url:
        block_until(lambda: query(url, "vllm:num_requests_running"), "the engine to be scraped")
        yield Stage(engine, url)


@asynccontextmanager
async def load(engine: ServerRecord, of: Load) -> AsyncIterator[list[tuple[float, float]]]:
    """Requests are sent until the block ends; the list has then what each measured (``tests.real.load``)."""
    numbers = (str(of.clients), str(of.tokens), str(of.pause))
    arguments = ["-m", "tests.real.load", engine.spec.url, engine.spec.served, *numbers]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {KEY: engine.key},
    )
    seen: list[tuple[float, float]] = []
    try:
        yield seen
    finally:
        content, _ = await process.communicate(b"")
    assert process.returncode == 0
    seen.extend(json.loads(content))


async def scrape(source: ScrapeSource, engine: ServerRecord) -> Measurement:
    """One that the engine answered: on a busy machine its frontend lets a scrape wait for seconds."""
    while True:
        measured = await source.measure([ScrapeTarget("local", "tiny-0", f"{engine.spec.url}/metrics")], time.time())
        if not measured.unreachable:
            return measured


def value(measurement: Measurement, quantity: Quantity) -> float:
    (found,) = measurement.engine_table.columns[quantity]
    return found


def of_pods(measurement: Measurement, family: Family) -> Histogram:
    merged = merge(h for group, h in measurement.histograms[family].items() if group.pod)
    assert merged is not None
    return merged


def percentile(measurement: Measurement, family: Family, q: float) -> float:
    return quantile(q, of_pods(measurement, family)).value


async def test_scrape_prometheus_and_client_agree_on_a_real_engine_under_load(stage: Stage) -> None:
    scraping = ScrapeSource(ScrapeLimits(window=60, interval=1, timeout=30))
    asking = PrometheusSource(PrometheusEndpoint(url=stage.prometheus), window=60)
    most_waiting = most_running = 0.0
    async with AsyncExitStack() as closing:
        closing.push_async_callback(scraping.close)
        closing.push_async_callback(asking.close)
        await scrape(scraping, stage.engine)
        begun = time.monotonic()
        async with load(stage.engine, QUEUE) as clients:
            while time.monotonic() - begun < LOADED:
                measured = await scrape(scraping, stage.engine)
                most_running = max(most_running, value(measured, Quantity.RUNNING))
                most_waiting = max(most_waiting, value(measured, Quantity.WAITING))
                # The scrape interval: there is nothing to await but the next one.
                await asyncio.sleep(0.5)
        last = await scrape(scraping, stage.engine)
        # One more scrape of Prometheus' own, and asked for its moment: by itself the source looks a second into the
        # past, where the slowest requests, which end last, are not in it yet.
        end = time.time()
        block_until(lambda: scraped_at(stage.prometheus) > end, "a scrape")
        asked = await asking.measure(None, at=scraped_at(stage.prometheus) + 0.1)

    # On a busy machine the engine's frontend answers a scrape between two batches only, when little runs.
    assert most_running <= SLOTS[ONE]
    assert most_waiting <= QUEUE.clients - SLOTS[ONE]
    assert len(clients) >= QUEUE.clients
    assert percentile(last, Family.QUEUE, 0.95) > 0
    e2e = of_pods(last, Family.E2E)
    assert e2e.count * last.window == pytest.approx(len(clients), rel=0.02), "requests that the engine did not count"
    first, whole = (sorted(times) for times in zip(*clients, strict=True))
    for measurement in (last, asked):
        for q in (0.5, 0.95):
            at = int(q * len(clients))
            # What a client waits for is the engine's time and the way there: never less, but for a bucket's width. On
            # a busy machine the way (from the socket to the frontend, one process) takes many times the engine's own.
            _, high = bucket(of_pods(measurement, Family.TTFT).edges, first[at])
            assert percentile(measurement, Family.TTFT, q) <= high
            _, high = bucket(e2e.edges, whole[at])
            assert 0 < percentile(measurement, Family.E2E, q) <= high
    for family in (Family.TTFT, Family.ITL, Family.E2E):
        for q in (0.5, 0.95):
            one, other = percentile(last, family, q), percentile(asked, family, q)
            low, high = bucket(of_pods(asked, family).edges, other)
            assert abs(one - other) <= high - low, (family, q, one, other)


def scraped_at(prometheus: str) -> float:
    """Return the time at which Prometheus last scraped the engine (Unix seconds)."""
    return float(query(prometheus, "timestamp(vllm:num_requests_running)")[0]["value"][1])


def ended(prometheus: str) -> bool:
    """True once the window holds the begin of requests and the end of some, as Prometheus has it."""
    counts = ("vllm:time_to_first_token_seconds_count", "vllm:request_success_total", "http_requests_total")
    asked = [f"sum(rate({name}[30s])) > 0" for name in counts]
    return bool(query(prometheus, " and ".join(asked)))


def bucket(edges: tuple[float, ...], at: float) -> tuple[float, float]:
    """The edges around a value."""
    return max((e for e in edges if e < at), default=0.0), next(e for e in edges if e >= at)


async def test_the_command_tells_the_real_engines_numbers_without_any_kubernetes(stage: Stage, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[prometheus]\nwindow = 30\n")
    # Longer than the window: of what is younger no query of one line says the rate.
    block_until(lambda: query(stage.prometheus, "vllm:num_requests_running offset 31s"), "the engine to be old enough")
    # Short requests that go on until the command has answered: on a busy machine the first tokens of long ones are
    # older than the window when the last one ends.
    async with load(stage.engine, TRICKLE):
        await asyncio.to_thread(
            block_until, lambda: ended(stage.prometheus), "requests that begin and end in the window"
        )
        document = await asyncio.to_thread(snapshot, "--prometheus", stage.prometheus, "--config", str(config))
    at = document["measured_at"]
    (pod,) = document["pods"]
    assert (pod["namespace"], pod["name"]) == ("local", "tiny-0")
    assert [unmatched["join"] for unmatched in document["loose"]] == ["metrics without a pod"]
    by_hand = {
        "ttft_p95": "histogram_quantile(0.95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[30s])))",
        "itl_p99": "histogram_quantile(0.99, sum by (le) (rate(vllm:inter_token_latency_seconds_bucket[30s])))",
        "e2e_p50": "histogram_quantile(0.5, sum by (le) (rate(vllm:e2e_request_latency_seconds_bucket[30s])))",
        "generation_tokens_per_second": "sum(rate(vllm:generation_tokens_total[30s]))",
        "requests_per_second": "sum(rate(vllm:request_success_total[30s]))",
        "kv_cache_usage": "max(vllm:kv_cache_usage_perc)",
        "http_requests_per_second": 'sum(rate(http_requests_total{handler="/v1/completions"}[30s]))',
    }
    for quantity, text in by_hand.items():
        (expected,) = query(stage.prometheus, text, at)
        assert pod["readings"][quantity]["value"] == pytest.approx(float(expected["value"][1]), rel=1e-9), quantity
    kubernetes = next(source for source in document["sources"] if source["name"] == "kubernetes")
    assert kubernetes["health"] == "down"
    assert kubernetes["problem"]
