"""``python -m tests.fleet.recorder.day [--pods 300] [--hours 30]``: what a day of keeping takes, by a clock of its own.

A tick every two seconds, all numbers new at each, a pod that restarts every ten minutes. Each
hour a line: the resident set of this process, the size of the file, how far back it reaches and how fine it is.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path

from fleet.model.measurement import Measurement
from fleet.model.snapshot import Cluster, Health, SourceStatus
from fleet.recorder.cluster_recordings import ContinuousRecorder, RecordingPolicy
from fleet.recorder.moment import Moment
from fleet.recorder.reader import Recording
from fleet.recorder.thinning import Retention
from fleet.sources.kube.state import KubeState
from tests.benchmarks.processes import rss_mib
from tests.fleet.recorder.fleet import fleet, scraped
from tests.fleet.recorder.seen import BEGAN, Plain

TICK = 2.0
DIFFERENT = 40
"""Measurements that are made up; they come again and again, at other times."""


@dataclass(frozen=True)
class Hour:
    """The state at the end of an hour."""

    hour: int
    rss: float
    """MiB of this process."""
    size: int
    """Bytes of the file."""
    back: float
    """Hours that it reaches back."""
    coarsest: float
    """Seconds between measurements in its first part; 0 if all are there."""


def hours(folder: Path, pods: int, count: int, bounds: Retention, tick: float = TICK) -> Iterator[Hour]:
    """Keep what a fleet does in so many hours."""
    keeping = ContinuousRecorder(
        RecordingPolicy(folder, bounds, Plain), Cluster("day", "day", "https://kube.example.com")
    )
    states = [fleet(pods, restarts) for restarts in range(2)]
    measurements: Iterator[tuple[float, Measurement]] = cycle(list(islice(scraped(states[0], 0.0, tick), DIFFERENT)))
    live = (SourceStatus("kubernetes", Health.LIVE, BEGAN, BEGAN),)
    now = BEGAN
    for hour in range(1, count + 1):
        while now < BEGAN + hour * 3600.0:
            _, measurement = next(measurements)
            keeping.note(Moment(_state(states, now), live, replace(measurement, at=now)), now)
            now += tick
        with Recording(keeping.path) as recording:
            coarsest = recording.seconds_between(recording.first)
            back = (recording.last - recording.first) / 3600.0
        yield Hour(hour, rss_mib(os.getpid()), keeping.path.stat().st_size, back, coarsest)
    keeping.close()


def _state(states: list[KubeState], now: float) -> KubeState:
    """The first pod restarts every ten minutes."""
    return states[int((now - BEGAN) // 600) % 2]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pods", type=int, default=300)
    parser.add_argument("--hours", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-day-") as folder:
        for one in hours(Path(folder) / "recordings", options.pods, options.hours, Retention()):
            fine = f"coarsest {one.coarsest:g} s" if one.coarsest else "every 15 s"
            size = f"{one.size / 2**20:6.1f} MiB"
            print(f"{one.hour:3} h  RSS {one.rss:6.1f} MiB  file {size}  {one.back:4.1f} h back, {fine}", flush=True)


if __name__ == "__main__":
    main()
