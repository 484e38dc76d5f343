"""A real Prometheus that scrapes a small fleet: every number against PromQL by hand, and against the direct scrape.

The fleet: three pods of one model (one with two data-parallel ranks), an old release that lacks the new names, an
engine that is known by its address alone, an engine that Ray exposes, one that restarts all the time, one target that
two jobs scrape, one that is down, the production-stack router that repeats the engines' gauges, and a GPU exporter
whose labels collide with the scraper's.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from fleet.metrics.engines.vllm import VLLM
from fleet.model.histogram import quantile
from fleet.model.measurement import EngineId, GpuId, HistogramKey, Measurement
from fleet.model.quantity import ENGINE_QUANTITIES, QUANTILES, Family, Quantity
from fleet.sources.prometheus.past import latency, past
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.scrape.source import ScrapeLimits, ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from tests.fleet.metrics.pages import SHORT, V0_6, V0_8, V0_10, V0_33, Card, Load, Release, dcgm, vllm
from tests.fleet.metrics.servers import Exporters, Job, Prometheus, exporters, prometheus
from tests.waiting import block_until

pytestmark = pytest.mark.real("prometheus")

WINDOW = 6.0
ROUTER = 'vllm:num_requests_running{server="http://10.0.0.1:8000"} 77\nvllm:num_requests_waiting{server="x"} 77\n'
PODS = {
    "chat-0": ("chat", V0_33, ("0", "1"), 1.0),
    "chat-1": ("chat", V0_33, ("0",), 2.5),
    "chat-2": ("chat", V0_10, ("0",), 0.7),
    "old-0": ("old", V0_8, ("0",), 1.3),
}
BY_HAND = {
    Quantity.RUNNING: "vllm:num_requests_running{%s}",
    Quantity.WAITING: "vllm:num_requests_waiting{%s}",
    Quantity.KV_USAGE: "vllm:kv_cache_usage_perc{%s} or vllm:gpu_cache_usage_perc{%s}",
    Quantity.PROMPT_TOKENS: "rate(vllm:prompt_tokens_total{%s}[6s])",
    Quantity.GENERATION_TOKENS: "rate(vllm:generation_tokens_total{%s}[6s])",
    Quantity.LATEST_TOKENS: (
        "irate(vllm:generation_tokens_total{%s}[6s]) + ignoring(__name__) irate(vllm:prompt_tokens_total{%s}[6s])"
    ),
    Quantity.REQUESTS: "sum(rate(vllm:request_success_total{%s}[6s]))",
    Quantity.PREEMPTIONS: "rate(vllm:num_preemptions_total{%s}[6s])",
    Quantity.PREFIX_HITS: (
        "rate(vllm:prefix_cache_hits_total{%s}[6s]) or rate(vllm:gpu_prefix_cache_hits_total{%s}[6s])"
    ),
}


@dataclass
class Fleet:
    """The running parts."""

    server: Prometheus
    exporters: Exporters


def _load(speed: float) -> Load:
    """Work that has been going on at a steady pace, seen now."""
    t = (time.time() - START) * speed
    return replace(
        Load(),
        running=3 + int(t) % 5,
        waiting=int(t) % 3,
        kv=0.2 + 0.1 * math.sin(t),
        prompt=float(int(400 * t)),
        generation=float(int(100 * t)),
        finished={"stop": float(int(9 * t)), "length": float(int(2 * t))},
        preemptions=float(int(3 * t)),
        hits=float(int(50 * t)),
        queries=float(int(150 * t)),
        latencies=[float(int(t * share)) for share in (3, 20, 13, 6, 2, 0.5, 0.1)],
        http={
            ("/v1/completions", "2xx"): float(int(11 * t)),
            ("/v1/completions", "5xx"): float(int(2 * t)),
            ("/v1/models", "2xx"): float(int(30 * t)),
        },
    )


START = time.time() - 100


def _page(model: str, release: Release, ranks: tuple[str, ...], speed: float) -> Callable[[], str]:
    return lambda: vllm(release, {rank: _load(speed * (1 + int(rank))) for rank in ranks}, model)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with exporters() as server:
        jobs = []
        for at, (pod, shape) in enumerate(PODS.items()):
            server.pages[f"/{pod}"] = _page(*shape)
            labels = {"namespace": "llm", "pod": pod, "instance": f"10.0.0.{at}:8000", "container": "engine"}
            jobs.append(Job("engines", f"/{pod}", labels))
        jobs.append(Job("again", "/chat-1", {"namespace": "llm", "pod": "chat-1", "instance": "10.0.0.1:8000"}))
        jobs.append(Job("engines", "/down", {"namespace": "llm", "pod": "chat-9", "instance": "10.0.0.9:8000"}))
        server.pages["/bare"] = _page("bare", V0_33, ("0",), 1.0)
        jobs.append(Job("plain", "/bare", {"instance": "10.0.1.1:8000"}))
        server.pages["/ray"] = _page("rays", replace(V0_33, prefix="ray_vllm_"), ("0",), 1.0)
        jobs.append(Job("ray", "/ray", {"namespace": "ray", "pod": "head", "instance": "10.0.1.2:8080"}))
        for at, release in enumerate((V0_6, V0_33)):
            server.pages[f"/mixed-{at}"] = _page("mixed", release, ("0",), 1.0)
            labels = {"namespace": "llm", "pod": f"mixed-{at}", "instance": f"10.0.3.{at}:8000"}
            jobs.append(Job("mixed", f"/mixed-{at}", labels))
        births = itertools.count()
        server.pages["/reborn"] = lambda: vllm(V0_33, {"0": Load(generation=next(births) % 4)}, "reborn")
        jobs.append(Job("again", "/reborn", {"namespace": "llm", "pod": "reborn-0", "instance": "10.0.0.7:8000"}))
        server.pages["/router"] = lambda: ROUTER
        jobs.append(Job("router", "/router", {"namespace": "llm", "pod": "router", "instance": "10.0.1.3:80"}))
        server.pages["/gpus"] = lambda: dcgm(
            [
                Card(0, pod="chat-0", throttled=(time.time() - START) * 2e8, mask=0x4),
                Card(1),
                Card(2, pod="chat-1", instance="5", profile="1g.10gb", xid=43),
            ]
        )
        exporter = {"namespace": "gpu-operator", "pod": "nvidia-exporter-x", "instance": "10.0.2.1:9400"}
        jobs.append(Job("dcgm", "/gpus", exporter))
        with prometheus(tmp_path_factory.mktemp("prometheus"), server.address, jobs) as real:
            block_until(lambda: _samples(real) >= WINDOW + 2)
            yield Fleet(real, server)


def _samples(real: Prometheus) -> float:
    found = real.query('min(count_over_time(vllm:num_requests_running{server=""}[30s]))', time.time())
    return found[0][1] if found else 0.0


async def _measure(fleet: Fleet, pods: tuple[str, ...] | None = None) -> Measurement:
    source = PrometheusSource(PrometheusEndpoint(fleet.server.url), window=WINDOW)
    try:
        # A little ago: a scrape under way would still change what is true now.
        return await source.measure(pods, at=time.time() - 1.5)
    finally:
        await source.close()


def _row(measurement: Measurement, pod: str, engine: str = "0") -> int:
    return next(i for i, e in enumerate(measurement.engines) if (e.pod, e.engine) == (pod, engine))


def _value(measurement: Measurement, quantity: Quantity, row: int) -> float:
    return measurement.engine_table.columns[quantity][row]


async def test_the_engines_are_those_of_the_fleet(fleet: Fleet) -> None:
    m = await _measure(fleet)
    assert m.engines == (
        EngineId("", "", "bare", "0", "10.0.1.1:8000"),
        EngineId("llm", "chat-0", "chat", "0"),
        EngineId("llm", "chat-0", "chat", "1"),
        EngineId("llm", "chat-1", "chat", "0"),
        EngineId("llm", "chat-2", "chat", "0"),
        EngineId("llm", "mixed-0", "mixed", "0"),
        EngineId("llm", "mixed-1", "mixed", "0"),
        EngineId("llm", "old-0", "old", "0"),
        EngineId("llm", "reborn-0", "reborn", "0"),
        EngineId("ray", "head", "rays", "0"),
    )
    assert m.unreachable == {"llm/chat-9": "Prometheus cannot scrape it"}
    assert m.notes == ()


async def test_every_engine_value_equals_promql_written_by_hand(fleet: Fleet) -> None:
    m = await _measure(fleet)
    for row, engine in enumerate(m.engines):
        if engine.pod in PODS:
            shown = {quantity: _value(m, quantity, row) for quantity in BY_HAND}
            assert shown in [_by_hand(fleet, engine, job, m.at) for job in _newest_jobs(fleet, engine, m.at)], engine
            assert all(value >= 0 for quantity, value in shown.items() if quantity is not Quantity.PREEMPTIONS)


def _by_hand(fleet: Fleet, engine: EngineId, job: str, at: float) -> dict[Quantity, float]:
    """All values of an engine as one job has scraped it."""
    where = f'pod="{engine.pod}",engine="{engine.engine}",job="{job}"'
    return {quantity: fleet.server.value(query.replace("%s", where), at) for quantity, query in BY_HAND.items()}


def _newest_jobs(fleet: Fleet, engine: EngineId, at: float) -> list[str]:
    """The jobs whose sample is the newest: one of them is the one that the source takes for a pod scraped twice.

    Both where they scraped it in the same millisecond: the page is another one all the same.
    """
    query = f'timestamp(vllm:num_requests_running{{pod="{engine.pod}",engine="{engine.engine}"}})'
    stamps = {labels["job"]: stamp for labels, stamp in fleet.server.query(query, at)}
    return [job for job, stamp in stamps.items() if stamp == max(stamps.values())]


async def test_http_rates_are_the_inference_endpoints_once_per_process(fleet: Fleet) -> None:
    m = await _measure(fleet)
    row = _row(m, "chat-0")
    base = 'http_requests_total{pod="chat-0",handler=~"/v1/completions"'
    assert _value(m, Quantity.HTTP_REQUESTS, row) == fleet.server.value(f"sum(rate({base}}}[6s]))", m.at)
    assert _value(m, Quantity.HTTP_ERRORS, row) == fleet.server.value(f'sum(rate({base},status="5xx"}}[6s]))', m.at)
    assert math.isnan(_value(m, Quantity.HTTP_REQUESTS, _row(m, "chat-0", "1")))


async def test_rates_move(fleet: Fleet) -> None:
    """The equalities above would also hold for zeros."""
    m = await _measure(fleet)
    assert _value(m, Quantity.GENERATION_TOKENS, _row(m, "chat-1")) == pytest.approx(250, rel=0.2)
    assert _value(m, Quantity.GENERATION_TOKENS, _row(m, "head")) == pytest.approx(100, rel=0.2)


@pytest.mark.parametrize("quantity", [q for q in QUANTILES if q in ENGINE_QUANTITIES])
async def test_percentiles_of_a_model_are_those_of_histogram_quantile_to_the_last_bit(
    fleet: Fleet, quantity: Quantity
) -> None:
    m = await _measure(fleet)
    family, q = QUANTILES[quantity]
    base = {
        Family.TTFT: "time_to_first_token_seconds",
        Family.ITL: "inter_token_latency_seconds",
        Family.E2E: "e2e_request_latency_seconds",
        Family.QUEUE: "request_queue_time_seconds",
    }[family]
    merged = f'sum by (le, namespace, model_name) (rate(vllm:{base}_bucket{{model_name="chat"}}[6s]))'
    expected = fleet.server.value(f"histogram_quantile({q}, {merged})", m.at)
    assert quantile(q, m.histograms[family][HistogramKey("llm", "chat")]).value == expected
    assert 0.1 < expected < 60 or q > 0.9


async def test_percentiles_of_an_engine_are_those_of_histogram_quantile_to_the_last_bit(fleet: Fleet) -> None:
    m = await _measure(fleet)
    query = 'histogram_quantile(0.95, rate(vllm:time_to_first_token_seconds_bucket{pod="chat-0",engine="1"}[6s]))'
    group = HistogramKey("llm", "chat", "chat-0", "1")
    assert quantile(0.95, m.histograms[Family.TTFT][group]).value == fleet.server.value(query, m.at)


async def test_of_a_renamed_histogram_the_newest_name_is_taken_per_engine(fleet: Fleet) -> None:
    m = await _measure(fleet)
    for pod, name in (("chat-2", "inter_token_latency"), ("old-0", "time_per_output_token")):
        query = f'histogram_quantile(0.5, rate(vllm:{name}_seconds_bucket{{pod="{pod}"}}[6s]))'
        model = PODS[pod][0]
        got = quantile(0.5, m.histograms[Family.ITL][HistogramKey("llm", model, pod, "0")]).value
        assert got == fleet.server.value(query, m.at)


async def test_releases_with_different_buckets_are_merged_over_the_common_ones(fleet: Fleet) -> None:
    m = await _measure(fleet)
    histogram = m.histograms[Family.E2E][HistogramKey("llm", "mixed")]
    assert histogram.edges == (*SHORT, math.inf)
    for edge, rate in zip(histogram.edges, histogram.counts, strict=True):
        le = "+Inf" if math.isinf(edge) else edge
        query = f'sum(rate(vllm:e2e_request_latency_seconds_bucket{{model_name="mixed",le="{le}"}}[6s]))'
        assert rate == fleet.server.value(query, m.at)


async def test_means_are_rates_of_sum_and_count(fleet: Fleet) -> None:
    m = await _measure(fleet)
    sums, counts = m.means[Quantity.DECODE_MEAN]
    row = _row(m, "chat-2")
    for part, column in (("sum", sums), ("count", counts)):
        query = f'rate(vllm:request_decode_time_seconds_{part}{{pod="chat-2"}}[6s])'
        assert column[row] == fleet.server.value(query, m.at)


async def test_gpus_equal_promql_and_belong_to_the_exported_pods(fleet: Fleet) -> None:
    m = await _measure(fleet)
    product = "NVIDIA H100 80GB HBM3"
    assert m.gpus == (
        GpuId("GPU-00000000", "", "gpu-node-1", "0", "llm", "chat-0", product, ""),
        GpuId("GPU-00000001", "", "gpu-node-1", "1", "", "", product, ""),
        GpuId("GPU-00000002", "5", "gpu-node-1", "2", "llm", "chat-1", product, "1g.10gb"),
    )
    columns = m.gpu_table.columns
    server = fleet.server
    assert columns[Quantity.GPU_UTIL][0] == server.value('DCGM_FI_DEV_GPU_UTIL{gpu="0"} * 0.01', m.at)
    assert math.isnan(columns[Quantity.GPU_UTIL][2])
    assert columns[Quantity.GPU_MEMORY_USED][1] == server.value('DCGM_FI_DEV_FB_USED{gpu="1"} * 1048576', m.at)
    assert columns[Quantity.XID][2] == 43
    throttled = server.value('rate(DCGM_FI_DEV_POWER_VIOLATION{gpu="0"}[6s]) * 1e-9', m.at)
    assert columns[Quantity.THROTTLE][0] == throttled
    assert throttled == pytest.approx(0.2, rel=0.2)
    assert Quantity.GPU_MEMORY_TEMPERATURE not in columns
    assert m.throttle_reasons["GPU-00000000"] == ("power cap",)


async def test_ages_and_intervals_are_those_of_the_data(fleet: Fleet) -> None:
    m = await _measure(fleet)
    assert m.interval == pytest.approx(1.0, abs=0.1)
    assert m.gpu_interval == pytest.approx(1.0, abs=0.1)
    row = _row(m, "old-0")
    age = fleet.server.value('time() - timestamp(vllm:num_requests_running{pod="old-0"})', m.at)
    assert m.engine_table.ages[row] == pytest.approx(age, abs=1e-6)
    assert 0 <= age < 3


async def test_the_number_of_requests_is_six_and_at_first_seven_more(fleet: Fleet) -> None:
    source = PrometheusSource(PrometheusEndpoint(fleet.server.url), window=WINDOW)
    try:
        counts = [(await source.measure(pods)).requests for pods in (None, None, ("llm/chat-0",), ())]
    finally:
        await source.close()
    assert counts == [13, 6, 6, 5]


async def test_only_the_pods_asked_for_have_histograms_of_their_own(fleet: Fleet) -> None:
    m = await _measure(fleet, ("llm/chat-0", "llm/nobody"))
    groups = {group for group in m.histograms[Family.TTFT] if group.pod or group.instance}
    assert groups == {HistogramKey("llm", "chat", "chat-0", engine) for engine in ("0", "1")}


async def test_the_direct_scrape_and_prometheus_agree(fleet: Fleet) -> None:
    """Both over the same seconds; percentiles within the bucket that holds them."""
    source = ScrapeSource(ScrapeLimits(window=WINDOW, interval=1.0))
    targets = [ScrapeTarget("llm", pod, f"http://{fleet.exporters.address}/{pod}") for pod in PODS]
    try:
        for _ in range(8):
            direct = await source.measure(targets, time.time())
            await asyncio.sleep(1.0)
    finally:
        await source.close()
    asked = await _measure(fleet)
    for row, engine in enumerate(direct.engines):
        other = asked.engines.index(engine)
        for quantity in (Quantity.GENERATION_TOKENS, Quantity.PROMPT_TOKENS, Quantity.REQUESTS, Quantity.PREFIX_HITS):
            expected = _value(asked, quantity, other)
            assert _value(direct, quantity, row) == pytest.approx(expected, rel=0.2), (engine, quantity)
        group = HistogramKey(engine.namespace, engine.model, engine.pod, engine.engine)
        for family in VLLM.families:
            one, two = direct.histograms[family][group], asked.histograms[family][group]
            assert one.edges == two.edges
            for q in (0.5, 0.95):
                assert _bucket(one.edges, quantile(q, one).value) == _bucket(two.edges, quantile(q, two).value)


def _bucket(edges: tuple[float, ...], value: float) -> int:
    return next(i for i, edge in enumerate(edges) if value <= edge)


async def test_what_it_remembers(fleet: Fleet) -> None:
    source = PrometheusSource(PrometheusEndpoint(fleet.server.url))
    try:
        end = math.floor(await source.now()) - 2
        found = await past(source, end - 4, end, 1.0, WINDOW)
    finally:
        await source.close()
    running = next(p for p in found if p.quantity is Quantity.RUNNING and p.group == HistogramKey("llm", pod="chat-0"))
    for at, value in running.points:
        assert value == fleet.server.value('sum(vllm:num_requests_running{pod="chat-0"})', at)
    twice = next(p for p in found if p.quantity is Quantity.RUNNING and p.group == HistogramKey("llm", pod="chat-1"))
    assert twice.points[-1][1] < 8
    ttft = next(p for p in found if p.quantity is Quantity.TTFT_P95 and p.group == HistogramKey("llm", "chat"))
    assert len(ttft.points) >= 3
    assert {p.gpu for p in found if p.quantity is Quantity.GPU_UTIL} == {"GPU-00000000", "GPU-00000001"}
    assert any(p.group == HistogramKey("", instance="10.0.1.1:8000") for p in found)


async def test_how_fast_pods_were_is_known_by_their_names(fleet: Fleet) -> None:
    source = PrometheusSource(PrometheusEndpoint(fleet.server.url))
    try:
        found = await latency(source, "llm", "chat-[01]", 600)
        nobody = await latency(source, "elsewhere", "chat-[01]", 600)
        ray = await latency(source, "ray", "head", 600)
        at = await source.now()
    finally:
        await source.close()
    by_hand = 'histogram_quantile(0.95, sum by (le) (increase(vllm:%s_seconds_bucket{pod=~"chat-[01]"}[600s])))'
    for value, family in ((found.ttft_p95, "time_to_first_token"), (found.itl_p95, "inter_token_latency")):
        # The server goes on scraping between the two.
        assert value == pytest.approx(fleet.server.value(by_hand % family, at), rel=0.05)
    assert math.isnan(nobody.ttft_p95)
    assert math.isnan(nobody.itl_p95)
    assert ray.ttft_p95 > 0, "under Ray's prefix"


async def test_restarts_within_the_window_are_marked(fleet: Fleet) -> None:
    m = await _measure(fleet)
    assert m.engine_table.reset == {_row(m, "reborn-0")}
