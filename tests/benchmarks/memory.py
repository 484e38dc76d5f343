"""The resident set of a console of 300 pods after an hour of keys, without what a collection frees.

Keys and refreshes come four times as fast as a person's: a quarter of an hour is an hour of both. After each leg of
the keys the same screen is open. Then the console collects and returns what is free (``alive``), several times, and the
least of the looks counts: pages of metrics that are being read come and go, and what they took stays until it is
returned the next time. On a busy machine they may be there at all looks of a leg, so the slope is the median of those
of all pairs. Without a collection nothing could be decided within minutes: closed screens are cycles, of which the
resident set is full for half an hour, and then of the next ones.

The hours are those of the keys that were typed, so that what the looks take changes nothing.

The strips of history fill by the clock, for the first quarter of an hour: four bytes for each number and 15 s.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from tests.benchmarks.effort import Effort
from tests.benchmarks.processes import rss_mib
from tests.benchmarks.regression import median_slope
from tests.benchmarks.result import Note, Report, Result
from tests.benchmarks.stage import VALUE, fleet_server
from tests.benchmarks.terminal import Terminal, on_terminal

PODS = 300
WARM = 65.0
"""Seconds in which the windows of the counters fill, and what is kept of screens that were open."""
LEAST = 3
"""Legs of the keys that are looked at, at least."""
LIMIT = 5.0
"""MiB per hour of keys."""
SPEED = 4.0
"""Keys for each of a person, who types one a second: faster, an escape and the key after it are read as one."""
REFRESH = 0.5
"""Seconds: a quarter of the usual, and the shortest that there is."""
ENTER, ESCAPE, DOWN, UP = b"\r", b"\x1b", b"\x1b[B", b"\x1b[A"
TOUR = (
    (DOWN, DOWN, ENTER, DOWN, ESCAPE, UP),
    (b"W", b"N", b"S", b"o", DOWN, ESCAPE),
    (b"/", b"7", ENTER, ESCAPE, b"?", ESCAPE),
)
"""A round of keys in legs, each of which ends on the screen of the fleet: the cursor and a pod's screen; orders and
nodes; a filter and help.
"""
_LOOKS, _LOOK_EVERY = 4, 0.15
"""Collections at the end of a leg, and seconds after each until the resident set is looked at."""
_START = 8.0
"""Seconds until the fleet is on the screen: for the plan."""


def seconds(effort: Effort) -> float:
    return _START + effort.seconds(WARM + effort.span)


def growth(effort: Effort) -> list[Report]:
    """Type rounds of keys, and look at what is alive after each leg."""
    pods, key_every = effort.pods(PODS), effort.refresh(1.0 / SPEED)
    warm, span = effort.seconds(WARM), effort.seconds(effort.span)
    with fleet_server(pods) as fleet:
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.alive",
            *fleet.console("--refresh", f"{REFRESH:g}")[1:],
        ]
        environ = fleet.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        with on_terminal(command, environ) as terminal:
            terminal.first(VALUE, 120.0)
            begun = time.monotonic()
            now, typed = 0.0, 0
            seen: list[tuple[int, float]] = []
            for leg in cycle(TOUR):
                if now >= warm + span and len(seen) >= LEAST:
                    break
                for key in leg:
                    terminal.type(key)
                    time.sleep(key_every)
                typed += len(leg)
                alive = _alive(terminal)
                now = time.monotonic() - begun
                if now >= warm:
                    seen.append((typed, alive))
    return reports(seen, pods)


def _alive(terminal: Terminal) -> float:
    """Return the least resident set in MiB after a collection."""
    looks = []
    for _ in range(_LOOKS):
        os.kill(terminal.pid, signal.SIGUSR1)
        time.sleep(_LOOK_EVERY)
        looks.append(rss_mib(terminal.pid))
    return min(looks)


def reports(seen: Sequence[tuple[int, float]], pods: int) -> list[Report]:
    """``seen``: the keys typed by then, and the MiB that are alive."""
    grown = median_slope([(typed / 3600, alive) for typed, alive in seen])
    bounds = (grown.value - grown.half_width, grown.value, grown.value + grown.half_width)
    what = f"{pods} pods, a key per second"
    keys = seen[-1][0] - seen[0][0]
    return [
        Result("memory", f"RSS, {what}: first and last", (seen[0][1], seen[-1][1]), "MiB"),
        Result("memory", f"RSS growth per hour, {what}", bounds, "MiB", LIMIT),
        Note(
            "memory",
            f"observed over {keys} keys, {len(seen)} times; the spread of the growth is its 95 % interval",
        ),
    ]
