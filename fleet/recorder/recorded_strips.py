"""Strips from before the console's start, from its recording: as drawn then, with gaps where none ran."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path

from fleet.model.frame import Frame
from fleet.recorder.reader import Recording
from fleet.snapshot.backfill import Step
from fleet.snapshot.frames import Frames
from fleet.snapshot.history import KEPT, columns_kept
from fleet.snapshot.status_changes import followed


def recalled(path: Path, begin: float, end: float, step: float) -> dict[float, Step]:
    """Return time of a step (Unix seconds) → quantity → key → value, for pods and workloads; unmeasured times have no
    step.

    The recorded rows and numbers are joined and folded by the same rules as current ones. Raises RecordingError.
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


class _Known(Mapping[str, float]):
    """The numbers of the rows that have one, in the columns they were folded in."""

    def __init__(self, parts: tuple[tuple[Mapping[str, int], array[float]], ...]) -> None:
        self._parts = parts

    def __getitem__(self, key: str) -> float:
        for index, values in self._parts:
            if key in index and not math.isnan(value := values[index[key]]):
                return value
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return (key for index, values in self._parts for key, row in index.items() if not math.isnan(values[row]))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _step(frames: Mapping[str, Frame]) -> Step:
    found = [(frame.index, columns_kept(frame)) for frame in (frames["workload"], frames["pod"])]
    return {
        quantity: _Known(tuple((index, columns[quantity]) for index, columns in found if quantity in columns))
        for quantity in KEPT
    }
