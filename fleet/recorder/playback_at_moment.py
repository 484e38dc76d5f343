"""A recording that stands still at a moment, after the time before it was played: causes need time to fire."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from fleet.model.in_past import PAST
from fleet.model.snapshot import Health, SourceStatus
from fleet.recorder.model_json import stamped
from fleet.recorder.playback import Playback, RecordedObjects
from fleet.recorder.reader import Recording
from fleet.recorder.writer import EVERY

LEAD: Final = 900.0
"""Seconds before the moment that are played: all causes but one fire within this time once they hold."""


class StandingPlayback(Playback):
    """Plays the time before a moment in steps of a measurement, without waiting, and then stands still at it."""

    def __init__(self, recording: Recording, at: float) -> None:
        self._passed = 0.0
        begin = max(recording.first, at - LEAD)
        self._lead = at - begin
        super().__init__(recording, begin, 1.0, lambda: self._passed)

    def steps(self) -> Iterator[float]:
        """Go from measurement to measurement up to the moment; yield the Unix time of each."""
        measured = self.recording.measured(self._start, self._start + self._lead)
        while self._passed < self._lead:
            yield self.now()
            # Onsets are as exact as they were then; a recording of every tick is not played in all its ticks.
            place = bisect_left(measured, self.now() + EVERY / 2)
            after = measured[place] if place < len(measured) else math.inf
            pause = after - self.now() if after <= self.now() + 1.5 * EVERY else EVERY
            self._passed = min(self._passed + pause, self._lead)
        yield self.now()


class StandingObjects(RecordedObjects):
    """An ObjectSource: the rows of the moment, and a status that tells that it is one."""

    def _status(self) -> SourceStatus:
        if self._broken is not None:
            problem = f"the recording cannot be read here: {self._broken}"
            return SourceStatus(PAST, Health.DEGRADED, self._playback.now(), problem=problem)
        recording, now = self._playback.recording, self._playback.now()
        notes = (f"everything is as it was recorded at {stamped(now)} UTC{self._how_coarse(now)}",)
        return SourceStatus(PAST, Health.OFF, now, endpoint=str(recording.path), notes=notes)
