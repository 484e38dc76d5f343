"""Replay of a recording through the diagnosis, on the recording's own clock and without waiting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from fleet.model.snapshot import Snapshot
from fleet.recorder.reader import Recording
from fleet.snapshot.builder import Builder

TICK: Final = 5.0
"""Longest time between Snapshots, in seconds, so that causes that depend on time alone are seen."""


class ReplayedTick(NamedTuple):
    """One look at the fleet."""

    snapshot: Snapshot
    interval: float
    """Seconds between two scrapes; 0 if nothing is measured."""


def snapshots_of(path: Path) -> Iterator[ReplayedTick]:
    """Yield the Snapshots that a console would see of a recording. Raises RecordingError."""
    builder = Builder()
    with Recording(path) as recording:
        for at in _ticks(recording.changes(), recording.last):
            moment = recording.at(at)
            snapshot = builder.build(moment.state, moment.measurement, moment.statuses, at, facts=moment.facts)
            yield ReplayedTick(snapshot, moment.measurement.interval if moment.measurement is not None else 0.0)


def _ticks(changes: list[float], last: float) -> Iterator[float]:
    """Yield the times of all changes, and times between those that are far apart."""
    for at, after in zip(changes, [*changes[1:], last], strict=True):
        while at < after:
            yield at
            at += TICK
    yield last
