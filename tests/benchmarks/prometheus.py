"""B4 and B8: a thousand pods through a real Prometheus: CPU per refresh, requests per tick, and the wait for them."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from prometheus_api_client.prometheus_connect import PrometheusConnect

from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.benchmarks.effort import Effort
from tests.benchmarks.fleet.objects import Engine
from tests.benchmarks.peers import VLLMSTAT
from tests.benchmarks.refresh import ENGINES, OURS, scraping
from tests.benchmarks.result import Note, Report, Result, ratios
from tests.benchmarks.stage import FleetServer, NotHereError, fleet_server, prometheus_of, scraped_twice
from tests.benchmarks.steady import Program, side_by_side
from tests.fleet.metrics.servers import Prometheus

IDS = ("B4", "B8")
PODS = 1_000
SCRAPE_INTERVAL = 15
SECONDS = 20.0
"""Length of a window: four measurements, which follow the scrape interval, and ten ticks."""
WARM = 6.0
_START = 8.0
"""Seconds that servers and programs take to start, but for Prometheus' scrapes: for the plan."""
_WAIT = 1.5
"""Seconds for a measurement and thirty queries, on two cores of a server: for the plan."""
TICK = 2.0
ON_SCREEN = 40
"""Rows of a terminal: the pods whose own percentiles are requested."""
WAITS = 5
THREADS = 8

_BY = "by (namespace, pod)"
_GAUGES = ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc")
_COUNTERS = (
    "prompt_tokens_total",
    "generation_tokens_total",
    "request_success_total",
    "num_preemptions_total",
    "prefix_cache_hits_total",
    "prefix_cache_queries_total",
)
_GPU = ("DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_TEMP")
_HISTOGRAMS = ("time_to_first_token_seconds", "inter_token_latency_seconds", "e2e_request_latency_seconds")
NAIVE = (
    *(f"vllm:{name}" for name in _GAUGES),
    *(f"sum {_BY} (rate(vllm:{name}[1m]))" for name in _COUNTERS),
    *(f"avg by (exported_namespace, exported_pod) ({name})" for name in _GPU),
    *(
        f"histogram_quantile({q}, sum by (le, {labels}) (rate(vllm:{name}_bucket[1m])))"
        for labels in ("namespace, pod", "namespace, model_name")
        for name in _HISTOGRAMS
        for q in (0.5, 0.95, 0.99)
    ),
)
"""Queries of a console that asks for each number on its screen separately: thirty."""


def seconds(effort: Effort) -> float:
    windows = effort.seconds(WARM + effort.rounds() * SECONDS)
    return _START + scraped_twice(effort.scrape_interval(SCRAPE_INTERVAL)) + windows + effort.rounds(WAITS) * _WAIT


def run(effort: Effort) -> list[Report]:
    """Raises NotHereError where there is no Prometheus on this machine."""
    interval = effort.scrape_interval(SCRAPE_INTERVAL)
    with fleet_server(effort.pods(PODS), "--gpus") as fleet, prometheus_of(fleet, interval) as prometheus:
        return [*_refreshes(fleet, prometheus, effort), *_waits(fleet, prometheus, effort)]


def _refreshes(fleet: FleetServer, prometheus: Prometheus, effort: Effort) -> list[Report]:
    """Compare the console with vllmstat, which has 64 separate engines."""
    pods = len(fleet.engines)
    tick = effort.refresh(TICK)
    arguments = fleet.console("--prometheus", prometheus.url, "--refresh", f"{tick:g}")
    marks: list[Mark] = []
    programs = [Program(OURS, arguments, fleet.environ, partial(_measurements, fleet, marks))]
    peer, missing = VLLMSTAT, ""
    with ExitStack() as stack:
        if effort.peers:
            try:
                theirs = stack.enter_context(fleet_server(ENGINES))
                programs.append(scraping(peer.name, theirs, peer.command(theirs, tick)))
            except NotHereError as error:
                missing = str(error)
        used = side_by_side(programs, effort.rounds(), effort.seconds(SECONDS), effort.seconds(WARM))
    ours = used[OURS]
    cpu = tuple(window.cpu_ms_per_refresh for window in ours)
    ticks = tuple(window.cpu_ms / window.seconds * tick for window in ours)
    counts = tuple(float(n) for n in sorted(_queries(fleet.query_log).values()))
    out: list[Report] = [
        *scraped_itself(marks, effort.scrape_interval(SCRAPE_INTERVAL)),
        Result("B4", f"CPU per measurement, {pods} pods: {OURS}", cpu, "ms"),
        Result("B4", f"CPU per tick of {tick:g} s, {pods} pods: {OURS}", ticks, "ms"),
        Result("B4", f"RSS, {pods} pods: {OURS}", tuple(window.rss_mib for window in ours), "MiB"),
        Result("B8", f"requests per measurement, {pods} pods (median; spread with the rare ones)", counts, "", 10, 6),
    ]
    if peer.name not in used:
        return [*out, *([Note("B4", missing)] if missing else [])]
    theirs_cpu = tuple(window.cpu_ms_per_refresh for window in used[peer.name])
    what = f"CPU per measurement, {pods} pods: {OURS} / {peer.name} at {ENGINES}"
    return [
        *out,
        Result("B4", f"CPU per refresh, {ENGINES} engines: {peer.name}", theirs_cpu, "ms"),
        Result("B4", what, ratios(cpu, theirs_cpu), "×", 0.4, 0.2),
        Result("B4", what.replace("measurement", "tick"), ratios(ticks, theirs_cpu), "×"),
    ]


def _queries(log: Path) -> Counter[str]:
    """Evaluation time → instant queries at it, from Prometheus' own log: a measurement is made of one moment.

    The rest of the log is our own: looking whether all has been scraped.
    """
    queries: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        parameters = json.loads(line)["params"]
        if parameters["start"] == parameters["end"] and "count_over_time" not in parameters["query"]:
            queries[parameters["start"]] += 1
    return queries


class Mark(NamedTuple):
    """Number of scrapes of the first engine at some moment."""

    at: float
    scrapes: int


def _measurements(fleet: FleetServer, marks: list[Mark]) -> int:
    """Count the measurements so far and add a mark. Any other question, such as the scrape interval, is a separate
    query.
    """
    marks.append(Mark(time.monotonic(), fleet.scrapes(fleet.engines[0])))
    return sum(asked > 1 for asked in _queries(fleet.query_log).values())


def scraped_itself(marks: Sequence[Mark], interval: int) -> list[Report]:
    """Report that Prometheus was too slow and the console scraped by itself: the CPU is then not that of measuring
    through it.
    """
    first, last = marks[0], marks[-1]
    scrapes, expected = last.scrapes - first.scrapes, (last.at - first.at) / interval + 1
    if scrapes <= expected:
        return []
    return [
        Note(
            "B4",
            f"Prometheus was too slow here: the engines were asked {scrapes:g} times, by it {expected:.0f} at most",
        )
    ]


def _waits(fleet: FleetServer, prometheus: Prometheus, effort: Effort) -> list[Report]:
    """The wait for one measurement, and for thirty queries through eight threads, in turns."""
    pods = len(fleet.engines)
    shown = [f"{engine.namespace}/{engine.pod}" for engine in map(Engine, range(min(ON_SCREEN, pods)))]
    ours, cpu, theirs = asyncio.run(_in_turns(prometheus, shown, effort.rounds(WAITS)))
    return [
        Result("B4", f"CPU of a measurement alone, asked and read, {pods} pods: {OURS}", cpu, "ms"),
        Result("B8", f"wait for a measurement, {pods} pods: {OURS}", ours, "ms"),
        Result("B8", f"wait for {len(NAIVE)} queries through {THREADS} threads, {pods} pods", theirs, "ms"),
        Result("B8", f"wait, {pods} pods: {OURS} / {len(NAIVE)} queries", ratios(ours, theirs), "×", 0.6),
    ]


async def _in_turns(
    prometheus: Prometheus, pods: Sequence[str], times: int
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    source = PrometheusSource(PrometheusEndpoint(url=prometheus.url, timeout=30.0))
    ours, cpu, theirs = [], [], []
    try:
        await source.measure(pods)
        for _ in range(times):
            began, used = time.monotonic(), time.process_time()
            await source.measure(pods)
            ours.append((time.monotonic() - began) * 1e3)
            cpu.append((time.process_time() - used) * 1e3)
            theirs.append(_timed(partial(_naively, prometheus)))
    finally:
        await source.close()
    return tuple(ours), tuple(cpu), tuple(theirs)


def _naively(prometheus: Prometheus) -> None:
    connect = PrometheusConnect(url=prometheus.url)
    with ThreadPoolExecutor(THREADS) as pool:
        for answer in pool.map(connect.custom_query, NAIVE):
            assert answer is not None


def _timed(do: Callable[[], None]) -> float:
    began = time.monotonic()
    do()
    return (time.monotonic() - began) * 1e3
