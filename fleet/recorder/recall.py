"""Strips from before the console was started, from what it kept: as drawn then, with gaps where none ran."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from fleet.model.frame import Frame
from fleet.recorder.reading import Recording
from fleet.snapshot.backfill import Step
from fleet.snapshot.following import followed
from fleet.snapshot.frames import Frames
from fleet.snapshot.history import KEPT, columns_kept


def recalled(path: Path, begin: float, end: float, step: float) -> dict[float, Step]:
    """Time of a step (Unix seconds) → quantity → key → value, for pods and workloads; what was not measured is no step.

    The rows and numbers of then are joined and folded by the same rules as those of now. Raises RecordingError.
    """
    out: dict[float, Step] = {}
    frames, topology = Frames(), None
    with Recording(path) as recording:
        for at in recording.measured(begin, end):
            slot = math.floor(at / step) * step
            if slot not in out:
                state, measurement = recording.rows_and_numbers(at)
                topology = followed(topology, state, measurement)
                out[slot] = _step(frames.frames_at(topology, measurement, at, frozenset()))
    return out


def _step(frames: Mapping[str, Frame]) -> Step:
    found: Step = {quantity: {} for quantity in KEPT}
    for frame in (frames["workload"], frames["pod"]):
        for quantity, values in columns_kept(frame).items():
            known = zip(frame.keys, values, strict=True)
            found[quantity] |= {key: value for key, value in known if not math.isnan(value)}
    return found
