"""``idle`` and ``memory``: what a person feels who lets the console run on a laptop, and an hour later.

``idle`` is the CPU of the console alone, nobody touching it, on the simulated fleets that ``quarterdeck demo`` starts;
the fleet is a process of its own. Beside it is the same as a multiple of the CPU that a bare Textual app took to start
in the same window, because one core is not as fast as another, nor as itself on another day. ``memory`` is how its
resident set grows on a fleet of 300 pods while a key is pressed every second: a straight line through what was seen
after a warm-up, with the interval that holds the truth with 95 %. Both run at the same time.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

from tests.benchmarks.effort import Effort
from tests.benchmarks.processes import own_cpu_seconds, rss_mib
from tests.benchmarks.regression import of_batches
from tests.benchmarks.result import Note, Report, Result, ratios
from tests.benchmarks.stage import QUARTERDECK, VALUE, fleet_server
from tests.benchmarks.start import HELLO
from tests.benchmarks.terminal import Terminal, on_terminal

IDS = ("idle", "memory")
LIMITS = {27: 1.0, 300: 3.0, 2_000: 8.0}
"""Pods → percent of one core."""
SECONDS = 15.0
WARM = 10.0
LATENCY = r"\d(?:ms|s) +~?\d+ "
"""TTFT beside the utilisation of the GPUs: rates and percentiles are there."""
_START = 45.0
"""Seconds until a simulated fleet of two thousand pods is on the screen, on two cores of a server: for the plan."""

PODS = 300
MEMORY_WARM = 70.0
"""Seconds in which the windows of the counters fill, and every screen of the tour has been seen."""
BATCH = 10.0
"""Seconds of memory that are one point of the line."""
LEAST = 6
"""Points of the line at least: a machine that stands still for a while gives few."""
GROWTH_LIMIT = 5.0
"""MiB per hour."""
ENTER, ESCAPE, DOWN, UP = b"\r", b"\x1b", b"\x1b[B", b"\x1b[A"
TOUR = (
    DOWN,
    DOWN,
    ENTER,
    DOWN,
    ESCAPE,
    UP,
    b"W",
    b"N",
    b"S",
    b"o",
    DOWN,
    ESCAPE,
    b"/",
    b"7",
    ENTER,
    ESCAPE,
    b"?",
    ESCAPE,
)
"""Keys that are typed again and again: the cursor, a pod's screen, orders, nodes, a filter, help."""
KEY_EVERY = 1.0


def seconds(effort: Effort) -> float:
    idle = _START + effort.seconds(WARM + effort.rounds() * SECONDS)
    return max(idle, 8.0 + effort.seconds(MEMORY_WARM + effort.span))


def run(effort: Effort) -> list[Report]:
    with ThreadPoolExecutor(1) as pool:
        memory = pool.submit(_memory, effort)
        return [*_idle(effort), *memory.result()]


def _idle(effort: Effort) -> list[Report]:
    with fleet_server(1) as fleet, ExitStack() as stack:
        sizes = {pods: LIMITS[whole] for whole, pods in effort.sizes(tuple(LIMITS)).items()}
        demos = [[QUARTERDECK, "demo", "--pods", str(pods)] for pods in sizes]
        terminals = [stack.enter_context(on_terminal(demo, fleet.environ)) for demo in demos]
        for terminal in terminals:
            terminal.first(LATENCY, 120.0)
        time.sleep(effort.seconds(WARM))
        rounds = [_window(terminals, effort.seconds(SECONDS), fleet.environ) for _ in range(effort.rounds())]
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


def _memory(effort: Effort) -> list[Report]:
    """Run the console with a key every second, and read its resident set every second."""
    pods, every = effort.pods(PODS), effort.refresh(KEY_EVERY)
    warm, span, batch = effort.seconds(MEMORY_WARM), effort.seconds(effort.span), effort.seconds(BATCH)
    with fleet_server(pods) as fleet, on_terminal(fleet.console(), fleet.environ) as terminal:
        terminal.first(VALUE, 120.0)
        begun = time.monotonic()
        seen: list[tuple[float, float]] = []
        for key in itertools.cycle(TOUR):
            terminal.type(key)
            time.sleep(every)
            now = time.monotonic() - begun
            if now >= warm:
                seen.append((now, rss_mib(terminal.pid)))
            if now >= warm + span and len(seen) >= LEAST:
                break
    return _growth(seen, pods, batch)


def _growth(seen: Sequence[tuple[float, float]], pods: int, batch: float) -> list[Report]:
    hours = [(at / 3600, rss) for at, rss in seen]
    span = seen[-1][0] - seen[0][0]
    grown = of_batches(hours, max(3, int(span / batch)))
    bounds = (grown.value - grown.half_width, grown.value, grown.value + grown.half_width)
    levels = (seen[0][1], seen[-1][1])
    return [
        Result("memory", f"RSS, {pods} pods, a key per second: first and last", levels, "MiB"),
        Result("memory", f"RSS growth per hour, {pods} pods, a key per second", bounds, "MiB", GROWTH_LIMIT),
        Note("memory", f"observed for {span:.0f} s; the spread of the growth is its 95 % interval"),
    ]
