"""B9, and the second half of B7: five thousand pods in steady state, through Kubernetes and a real Prometheus."""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path

from tests.benchmarks.processes import rss_mib
from tests.benchmarks.refresh import OURS
from tests.benchmarks.result import Report, Result, percentile
from tests.benchmarks.stage import FleetServer, fleet_server, prometheus_of
from tests.benchmarks.steady import VALUE
from tests.benchmarks.terminal import Terminal, on_terminal
from tests.waiting import block_until

IDS = ("B9", "B7")
PODS = 5_000
SCRAPE_INTERVAL = 30
ROUNDS = 4
SECONDS = 15.0
WARM = 10.0
CTRL_C = b"\x03"


def run() -> list[Report]:
    """Raises NotHereError where there is no Prometheus on this machine."""
    with fleet_server(PODS, "--gpus", "--slim") as fleet, prometheus_of(fleet, SCRAPE_INTERVAL) as prometheus:
        return _steady(fleet, prometheus.url)


def _steady(fleet: FleetServer, url: str) -> list[Report]:
    file = fleet.folder / "turns.json"
    arguments = fleet.console("--prometheus", url)[1:]
    environ = fleet.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    rss: list[float] = []
    with on_terminal([sys.executable, "-m", "tests.benchmarks.turns", str(file), *arguments], environ) as terminal:
        terminal.first(VALUE, 120.0)
        time.sleep(WARM)
        edges = [time.monotonic()]
        for _ in range(ROUNDS):
            time.sleep(SECONDS)
            edges.append(time.monotonic())
            rss.append(rss_mib(terminal.pid))
        _leave(terminal, file)
    turns = json.loads(file.read_text())
    windows = [[turn for turn in turns if begin <= turn[0] < end] for begin, end in pairwise(edges)]
    wall = tuple(max((took for _, took, _ in window), default=0.0) for window in windows)
    cpu = tuple(max((cpu for _, _, cpu in window), default=0.0) for window in windows)
    typical = tuple(percentile([took for _, took, _ in window] or [0.0], 0.95) for window in windows)
    return [
        Result("B7", f"RSS, {PODS} pods: {OURS}", tuple(rss), "MiB", 160),
        Result("B9", f"longest turn of the screens' loop in {SECONDS:g} s, {PODS} pods", wall, "ms", 20),
        Result("B9", f"CPU of the turn that used most of it, {PODS} pods", cpu, "ms"),
        Result("B9", f"p95 of the turns over 1 ms, {PODS} pods", typical, "ms"),
    ]


def _leave(terminal: Terminal, file: Path) -> None:
    terminal.type(CTRL_C)
    block_until(file.exists)
    time.sleep(0.2)
