"""A real vLLM under load, through a real Prometheus and scraped directly: the two agree, and both with the client."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from fleet.metrics.prometheus import PrometheusSource
from fleet.metrics.scrape import ScrapeSettings, ScrapeSource
from fleet.metrics.target import Target
from fleet.metrics.transport import PrometheusEndpoint
from fleet.model.histogram import merge, quantile
from fleet.model.measurement import Measurement
from fleet.model.quantity import Family, Quantity
from tests.real.stage import prometheus, query, snapshot, until
from tests.real.vllm_server import installation, served

pytestmark = [
    pytest.mark.real("prometheus"),
    pytest.mark.real("vllm"),
    pytest.mark.xdist_group("vllm"),
    pytest.mark.timeout(600),
]

CLIENTS = 60
TOKENS = 400
ENGINE_SLOTS = 16
"""--max-num-seqs of the server: what is beyond waits."""


@dataclass(frozen=True)
class Stage:
    engine: str
    prometheus: str


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    vllm = installation()
    assert vllm is not None
    folder = tmp_path_factory.mktemp("vllm")
    with served(vllm, folder) as engine:
        labels = {"namespace": "local", "pod": "tiny-0"}
        config = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [
                {
                    "job_name": "vllm",
                    "static_configs": [{"targets": [engine.removeprefix("http://")], "labels": labels}],
                }
            ],
        }
        with prometheus(folder / "prometheus", config) as url:
            until(lambda: query(url, "vllm:num_requests_running"), "the engine to be scraped")
            yield Stage(engine, url)


async def load(engine: str) -> list[tuple[float, float]]:
    """Seconds to the first and to the last chunk, as each client measured them."""
    arguments = ["-m", "tests.real.load", engine, "tiny", str(CLIENTS), str(TOKENS)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0
    seen: list[tuple[float, float]] = json.loads(said)
    return seen


async def scrapes(source: ScrapeSource, engine: str, ended: asyncio.Event) -> AsyncIterator[Measurement]:
    target = Target("local", "tiny-0", f"{engine}/metrics")
    while True:
        over = ended.is_set()
        yield await source.measure([target], time.time())
        if over:
            return
        try:
            async with asyncio.timeout(0.5):
                await ended.wait()
        except TimeoutError:
            continue


def value(measurement: Measurement, quantity: Quantity) -> float:
    (found,) = measurement.engine_table.columns[quantity]
    return found


def percentile(measurement: Measurement, family: Family, q: float) -> float:
    merged = merge(h for group, h in measurement.histograms[family].items() if group.pod)
    assert merged is not None
    return quantile(q, merged).value


async def test_scrape_prometheus_and_client_agree_on_a_real_engine_under_load(stage: Stage) -> None:
    scraping = ScrapeSource(ScrapeSettings(window=60, interval=1))
    asking = PrometheusSource(PrometheusEndpoint(url=stage.prometheus), window=60)
    ended = asyncio.Event()
    clients: list[tuple[float, float]] = []

    async def drive() -> None:
        clients.extend(await load(stage.engine))
        ended.set()

    driving = asyncio.create_task(drive())
    most_waiting = most_running = 0.0
    last: Measurement | None = None
    async for measured in scrapes(scraping, stage.engine, ended):
        most_running = max(most_running, value(measured, Quantity.RUNNING))
        most_waiting = max(most_waiting, value(measured, Quantity.WAITING))
        last = measured
    await driving
    assert last is not None
    # One more scrape of Prometheus' own, and asked for its moment: by itself the source looks a second into the past,
    # where the slowest requests, which end last, are not in it yet.
    end = time.time()
    until(lambda: scraped_at(stage.prometheus) > end, "a scrape")
    asked = await asking.measure(None, at=scraped_at(stage.prometheus) + 0.1)
    await asking.close()
    await scraping.close()

    assert most_running == ENGINE_SLOTS
    assert 0 < most_waiting <= CLIENTS - ENGINE_SLOTS
    assert len(clients) == CLIENTS
    histogram = merge(asked.histograms[Family.TTFT].values())
    assert histogram is not None
    seen = sorted(first for first, _ in clients)
    for measurement in (last, asked):
        for q, own in ((0.5, seen[CLIENTS // 2]), (0.95, seen[int(0.95 * CLIENTS)])):
            # The engine counts from its frontend, the client from its socket; the rest is the width of the bucket.
            low, high = bucket(histogram.edges, own)
            assert low * 0.7 <= percentile(measurement, Family.TTFT, q) <= high * 1.05
    for family in (Family.TTFT, Family.ITL, Family.E2E):
        for q in (0.5, 0.95):
            one, other = percentile(last, family, q), percentile(asked, family, q)
            low, high = bucket(histogram.edges, other)
            assert abs(one - other) <= high - low, (family, q, one, other)


def scraped_at(prometheus: str) -> float:
    """When Prometheus scraped the engine last (Unix seconds)."""
    return float(query(prometheus, "timestamp(vllm:num_requests_running)")[0]["value"][1])


def bucket(edges: tuple[float, ...], at: float) -> tuple[float, float]:
    """The edges around a value."""
    return max((e for e in edges if e < at), default=0.0), next(e for e in edges if e >= at)


async def test_the_command_tells_the_real_engines_numbers_without_any_kubernetes(stage: Stage) -> None:
    await load(stage.engine)
    end = time.time()
    until(lambda: scraped_at(stage.prometheus) > end, "a scrape")
    document = await asyncio.to_thread(snapshot, "--prometheus", stage.prometheus)
    at = document["measured_at"]
    (pod,) = document["pods"]
    assert (pod["namespace"], pod["name"]) == ("local", "tiny-0")
    assert [loose["join"] for loose in document["loose"]] == ["metrics without a pod"]
    by_hand = {
        "ttft_p95": "histogram_quantile(0.95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[60s])))",
        "itl_p99": "histogram_quantile(0.99, sum by (le) (rate(vllm:inter_token_latency_seconds_bucket[60s])))",
        "e2e_p50": "histogram_quantile(0.5, sum by (le) (rate(vllm:e2e_request_latency_seconds_bucket[60s])))",
        "generation_tokens_per_second": "sum(rate(vllm:generation_tokens_total[60s]))",
        "requests_per_second": "sum(rate(vllm:request_success_total[60s]))",
        "kv_cache_usage": "max(vllm:kv_cache_usage_perc)",
        "http_requests_per_second": 'sum(rate(http_requests_total{handler="/v1/completions"}[60s]))',
    }
    for quantity, text in by_hand.items():
        (expected,) = query(stage.prometheus, text, at)
        assert pod["readings"][quantity]["value"] == pytest.approx(float(expected["value"][1]), rel=1e-9), quantity
    kubernetes = next(source for source in document["sources"] if source["name"] == "kubernetes")
    assert kubernetes["health"] == "down"
    assert kubernetes["problem"]
