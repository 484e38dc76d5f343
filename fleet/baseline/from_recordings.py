"""Baselines from the console's own recordings: the last hour in which nothing was wrong with the object.

An hour is calm if the object was measured in it and assessed as well at every minute of it. Its measurements are merged
into one, and its numbers are computed as current ones are: percentiles come from merged buckets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from fleet.model.baseline import HOUR, LEAST, RECENT, Baseline, BaselineQuestion, Baselines, Then
from fleet.model.measurement import Measurement
from fleet.model.severity import Severity
from fleet.recorder.curves import value_in
from fleet.recorder.merged_measurements import merged
from fleet.recorder.reader import Recording
from fleet.snapshot.builder import Builder
from fleet.snapshot.frames import Frames
from fleet.snapshot.status_changes import followed
from fleet.sources.kube.state import KubeState

_MERGED: Final = 60.0
"""Seconds between the measurements that make up an hour, and between assessments of the object: the length of their
rate windows.
"""


def recorded(path: Path, question: BaselineQuestion) -> Baselines:
    """The baselines that a recording has; none where it has no calm hour. Raises RecordingError."""
    with Recording(path) as recording:
        for end in _ends(recording, question.at):
            times = _apart(recording.measured(end - HOUR, end))
            if len(times) >= LEAST and (calm := _calm(recording, times, question.key)) is not None:
                return _of_hour(*calm, times, question)
    return Baselines()


def _ends(recording: Recording, at: float) -> Iterator[float]:
    """The ends of hours, from the latest on."""
    end = min(at - RECENT, recording.last)
    while end - HOUR >= recording.first:
        yield end
        end -= HOUR / 2


def _apart(times: Sequence[float]) -> list[float]:
    """Return the moments that are far enough apart to cover different requests."""
    out: list[float] = []
    for at in times:
        if not out or at - out[-1] >= _MERGED:
            out.append(at)
    return out


def _calm(recording: Recording, times: Sequence[float], key: str) -> tuple[KubeState, list[Measurement]] | None:
    """The last rows and all measurements of an hour; None where the object was not well at one of the moments."""
    builder, found = Builder(), []
    for at in times:
        state, measurement = recording.rows_and_numbers(at)
        snapshot = builder.build(state, measurement, (), at, frozenset())
        standing = snapshot.assessments.get(key)
        if measurement is None or standing is None or standing.severity is not Severity.OK:
            return None
        found.append(measurement)
    return state, found


def _of_hour(
    state: KubeState, measurements: Sequence[Measurement], times: Sequence[float], question: BaselineQuestion
) -> Baselines:
    whole = merged(measurements)
    made = Frames().frames_at(followed(None, state, whole), whole, whole.at, frozenset({question.key}))
    values = ((quantity, value_in(made, question.key, quantity)) for quantity in question.quantities)
    return Baselines(
        {
            quantity: (Baseline(value, Then.CALM, times[0], times[-1], len(times), "recorder"),)
            for quantity, value in values
            if not math.isnan(value)
        }
    )
