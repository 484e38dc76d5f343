"""``record``: what it costs to keep what the console sees, as a share of what its Snapshots cost, in the same run.

Every engine is scraped at every tick and every number is another: nothing more can happen to a fleet. A Snapshot is
built at each tick, a measurement kept once in fifteen seconds (``fleet.recorder.writer.EVERY``), rows whenever they
change. The first tick, which writes everything there is, is measured alone: it comes twice an hour.
"""

from __future__ import annotations

import tempfile
import time
from itertools import islice
from pathlib import Path

from fleet.model.snapshot import Health, SourceStatus
from fleet.recorder.moment import Moment
from fleet.recorder.thinning import Retention
from fleet.recorder.writer import EVERY, RecordingWriter
from fleet.snapshot.builder import Builder
from tests.benchmarks.effort import Effort
from tests.benchmarks.result import Report, Result
from tests.fleet.recorder.fleet import fleet, scraped
from tests.fleet.recorder.seen import Plain

IDS = ("record",)
PODS = (27, 1_000, 5_000)
TICK = 2.0
"""Seconds between Snapshots."""
BUDGET = 0.1
BEGAN = 1_795_942_800.0
_PER_POD = 0.00095
"""Seconds that a round takes for each pod, most of them for making up numbers: for the plan."""


def seconds(effort: Effort) -> float:
    return effort.rounds() * sum(effort.pods(pods) for pods in PODS) * _PER_POD


def run(effort: Effort) -> list[Report]:
    """The sizes one after the other, a new file each time."""
    return [report for pods in PODS for report in _of(effort.pods(pods), effort.rounds())]


def _of(pods: int, rounds: int) -> list[Report]:
    found = [_round(pods) for _ in range(rounds)]
    shares, firsts, kept = (tuple(one[place] for one in found) for place in range(3))
    return [
        Result("record", f"CPU of keeping / of building the Snapshots, {pods} pods", shares, "×", BUDGET),
        Result("record", f"CPU of a tick that keeps a measurement, {pods} pods", kept, "ms"),
        Result("record", f"CPU of the first tick, {pods} pods", firsts, "ms"),
    ]


def _round(pods: int) -> tuple[float, float, float]:
    """(Share, milliseconds of the first tick, and of one that stores a measurement)."""
    statuses = (SourceStatus("kubernetes", Health.LIVE, BEGAN, BEGAN),)
    state, builder = fleet(pods), Builder()
    ticks = list(islice(scraped(state, BEGAN, TICK), 1 + round(2 * EVERY / TICK)))
    built, noted = [], []
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        writer = RecordingWriter(Path(folder) / "fleet.qdr", Plain(), Retention(), EVERY)
        for now, measurement in ticks:
            began = time.process_time()
            builder.build(state, measurement, statuses, now, frozenset())
            between = time.process_time()
            writer.note(Moment(state, statuses, measurement), now)
            built.append(between - began)
            noted.append(time.process_time() - between)
        writer.close()
    return sum(noted[1:]) / sum(built[1:]), noted[0] * 1e3, max(noted[1:]) * 1e3
