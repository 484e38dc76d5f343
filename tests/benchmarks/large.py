"""B9, and the second half of B7: five thousand pods in steady state, through Kubernetes and a real Prometheus."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

from tests.benchmarks.effort import Effort
from tests.benchmarks.processes import rss_mib
from tests.benchmarks.refresh import OURS
from tests.benchmarks.result import Report, Result, percentile
from tests.benchmarks.stage import VALUE, FleetServer, fleet_server, prometheus_of, scraped_twice
from tests.benchmarks.terminal import Terminal, on_terminal
from tests.waiting import block_until

IDS = ("B9", "B7")
PODS = 5_000
SCRAPE_INTERVAL = 20
SECONDS = 20.0
"""Length of a window: three measurements and ten ticks."""
RSS_EVERY = 0.5
"""Seconds between two looks at the resident set: while a measurement is read, its pages and buckets are in it."""
WARM = 10.0
_START = 12.0
"""Seconds from the start of the fleet's server to the first value, but for Prometheus' scrapes: for the plan."""
CTRL_C = b"\x03"


def seconds(effort: Effort) -> float:
    interval = effort.scrape_interval(SCRAPE_INTERVAL)
    windows = WARM + effort.rounds() * SECONDS
    return _START + scraped_twice(interval) + effort.seconds(windows)


def run(effort: Effort) -> list[Report]:
    """Raises NotHereError where there is no Prometheus on this machine."""
    interval = effort.scrape_interval(SCRAPE_INTERVAL)
    with fleet_server(effort.pods(PODS), "--slim") as fleet, prometheus_of(fleet, interval) as prometheus:
        return _steady(fleet, prometheus.url, effort)


def _steady(fleet: FleetServer, url: str, effort: Effort) -> list[Report]:
    file = fleet.folder / "turns.json"
    arguments = fleet.console("--prometheus", url)[1:]
    environ = fleet.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    rss: list[list[float]] = []
    with on_terminal([sys.executable, "-m", "tests.benchmarks.turns", str(file), *arguments], environ) as terminal:
        terminal.first(VALUE, 120.0)
        time.sleep(effort.seconds(WARM))
        edges = [time.monotonic()]
        for _ in range(effort.rounds()):
            rss.append([rss_mib(terminal.pid) for _ in _each(effort.seconds(RSS_EVERY), effort.seconds(SECONDS))])
            edges.append(time.monotonic())
        _leave(terminal, file)
    turns = json.loads(file.read_text())
    windows = [[turn for turn in turns if begin <= turn[0] < end] for begin, end in pairwise(edges)]
    wall = tuple(max((took for _, took, _ in window), default=0.0) for window in windows)
    cpu = tuple(max((cpu for _, _, cpu in window), default=0.0) for window in windows)
    typical = tuple(percentile([took for _, took, _ in window] or [0.0], 0.95) for window in windows)
    pods, window = len(fleet.engines), effort.seconds(SECONDS)
    return [
        Result("B7", f"RSS, {pods} pods: {OURS}", tuple(map(median, rss)), "MiB", 160, 110),
        Result("B7", f"RSS while a measurement is read, {pods} pods: {OURS}", tuple(map(max, rss)), "MiB"),
        Result("B9", f"longest turn of the screens' loop in {window:g} s, {pods} pods", wall, "ms", 20, 8),
        Result("B9", f"CPU of the turn that used most of it, {pods} pods", cpu, "ms"),
        Result("B9", f"p95 of the turns over 1 ms, {pods} pods", typical, "ms"),
    ]


def _each(pause: float, seconds: float) -> Iterator[None]:
    """Yield after each of the pauses that make up so many seconds."""
    for _ in range(round(seconds / pause)):
        time.sleep(pause)
        yield


def _leave(terminal: Terminal, file: Path) -> None:
    terminal.type(CTRL_C)
    block_until(file.exists)
    time.sleep(0.2)
