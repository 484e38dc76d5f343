"""Strips from before the console was started, from what it kept: as drawn then, with gaps where none ran."""

from __future__ import annotations

import math
from pathlib import Path

from fleet.model.snapshot import Snapshot
from fleet.recorder.reading import Recording
from fleet.snapshot.backfill import Step
from fleet.snapshot.builder import Builder
from fleet.snapshot.history import KEPT


def recalled(path: Path, begin: float, end: float, step: float) -> dict[float, Step]:
    """Time of a step (Unix seconds) → quantity → key → value, for pods and workloads; what was not measured is no step.

    The rows and numbers of then become Snapshots, by the same rules as those of now. Raises RecordingError.
    """
    out: dict[float, Step] = {}
    builder = Builder()
    with Recording(path) as recording:
        for at in recording.measured(begin, end):
            slot = math.floor(at / step) * step
            if slot not in out:
                moment = recording.at(at)
                out[slot] = _step(builder.build(moment.state, moment.measurement, (), at, frozenset()))
    return out


def _step(snapshot: Snapshot) -> Step:
    found: Step = {}
    for quantity in KEPT:
        values: dict[str, float] = {}
        for frame in (snapshot.by_workload, snapshot.by_pod):
            column = frame.columns.get(quantity)
            if column is not None:
                values |= {key: value for key, value in zip(frame.keys, column.values, strict=True) if value == value}
        found[quantity] = values
    return found
