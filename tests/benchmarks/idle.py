"""``idle`` and ``memory``: what a person feels who lets the console run on a laptop, and an hour later.

``idle`` is the CPU of the console alone, nobody touching it, on the simulated fleets that ``quarterdeck demo`` starts;
the fleet is a process of its own. Beside it is the same as a multiple of the CPU that a bare Textual app took to start
in the same window, because one core is not as fast as another, nor as itself on another day. ``memory`` is in a module
of its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from tests.benchmarks import memory
from tests.benchmarks.effort import Effort
from tests.benchmarks.processes import own_cpu_seconds
from tests.benchmarks.result import Report, Result, ratios
from tests.benchmarks.stage import QUARTERDECK, fleet_server
from tests.benchmarks.start import HELLO
from tests.benchmarks.terminal import Terminal, on_terminal

IDS = ("idle", "memory")
LIMITS = {27: 1.0, 300: 3.0, 2_000: 8.0}
"""Pods → percent of one core."""
SECONDS = 20.0
"""Length of a window: the longest time between two scrapes."""
LATENCY = r"\d(?:ms|s) +~?\d+ "
"""TTFT beside the utilisation of the GPUs: rates and percentiles are there."""
_START = 45.0
"""Seconds until a simulated fleet of two thousand pods is on the screen, on two cores of a server: for the plan."""


def seconds(effort: Effort) -> float:
    return max(_START, memory.seconds(effort)) + effort.seconds(effort.rounds() * SECONDS)


def run(effort: Effort) -> list[Report]:
    """The simulated fleets take long to start, and their consoles to come to rest: meanwhile, memory is looked at."""
    sizes = {pods: LIMITS[whole] for whole, pods in effort.sizes(tuple(LIMITS)).items()}
    with fleet_server(1) as fleet, ExitStack() as stack:
        demos = [[QUARTERDECK, "demo", "--pods", str(pods)] for pods in sizes]
        terminals = [stack.enter_context(on_terminal(demo, fleet.environ)) for demo in demos]
        grown = memory.growth(effort)
        for terminal in terminals:
            terminal.first(LATENCY, 120.0)
        return [*_idle(effort, sizes, terminals, fleet.environ), *grown]


def _idle(
    effort: Effort, sizes: Mapping[int, float], terminals: Sequence[Terminal], environ: Mapping[str, str]
) -> list[Report]:
    rounds = [_window(terminals, effort.seconds(SECONDS), environ) for _ in range(effort.rounds())]
    starts = tuple(each.start for each in rounds)
    reports = [
        Result("idle", "CPU of the start of a bare Textual app, meanwhile", tuple(1e3 * one for one in starts), "ms")
    ]
    for (pods, budget), cores in zip(sizes.items(), zip(*(each.cores for each in rounds), strict=True), strict=True):
        what = f"idle screen, {pods} pods"
        minutes = [60 * core for core in cores]
        reports += [
            Result("idle", f"CPU of a core, {what}", tuple(100 * core for core in cores), "%", budget),
            Result("idle", f"CPU of a minute / of that start, {what}", ratios(minutes, starts), "×"),
        ]
    return [*reports]


class _Window(NamedTuple):
    """CPU of each console, in cores, without the fleets that they started; and CPU seconds of a bare Textual app from
    exec to its first text in the same window: a core is not equally fast from day to day.
    """

    cores: list[float]
    start: float


def _window(terminals: Sequence[Terminal], seconds: float, environ: Mapping[str, str]) -> _Window:
    before = [(time.monotonic(), own_cpu_seconds(terminal.pid)) for terminal in terminals]
    end = time.monotonic() + seconds
    with on_terminal([sys.executable, "-c", HELLO], environ) as hello:
        hello.first("hello world", 60.0)
        start = own_cpu_seconds(hello.pid)
    time.sleep(max(0.0, end - time.monotonic()))
    after = [(time.monotonic(), own_cpu_seconds(terminal.pid)) for terminal in terminals]
    cores = [(cpu - used) / (now - at) for (at, used), (now, cpu) in zip(before, after, strict=True)]
    return _Window(cores, start)
