"""Quantities over time without a metrics store: from the console's recordings, as shown at the time."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Final

from fleet.model.curve import Curve, CurveQuestion
from fleet.model.frame import Frame
from fleet.model.quantity import GATEWAY_QUANTITIES, Quantity
from fleet.recorder.problem import RecordingError
from fleet.recorder.reader import Recording
from fleet.recorder.writer import EVERY
from fleet.snapshot.frames import Frames
from fleet.snapshot.status_changes import followed

_KNOWN: Final = 20_000
"""Number of cached values: a growing plot asks for nearly all of its points again."""
_READ: Final = 1500
"""Measurements among which the highest values are looked for, at most: all of six hours, which takes seconds."""
_OF: Final = ("workload", "pod", "model", "gpu", "engine")
"""The frames searched for a key."""
_BEFORE: Final = ("before",)
"""The frames searched for a model's gateway counts."""


class RecordedCurves:
    """Curves from the recording of one cluster. For several threads: one reads at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: OrderedDict[tuple[float, str, Quantity], float] = OrderedDict()
        self._one = Lock()

    def curve(self, question: CurveQuestion) -> Curve:
        """Return values at the moments of a question, NaN where nothing was recorded within a step.

        Raises RecordingError, also if nothing was recorded in the whole range.
        """
        wanted = (question.quantity, *(question.band or ()))
        moments, step = question.range, question.range.step
        with self._one, Recording(self._path) as recording:
            kept = recording.measured(moments.start - step, moments.end)
            # The last measurement in each step.
            nearest = [_last(kept, at, at - step) for at in moments.times()]
            with_peaks = question.peaks and step > EVERY
            every = -(-len(kept) // _READ) if with_peaks else 1
            among = kept[::every] if with_peaks else []
            times = sorted({*among, *(at for at in nearest if at is not None)})
            self._read(recording, times, question.key, wanted, gauges_alone=question.peaks)
            values, *band = (tuple(self._value(at, question.key, each) for at in nearest) for each in wanted)
            if with_peaks:
                band = [values, self._peaks(times, question)]
            apart = max(
                EVERY * every if every > 1 else 0.0, recording.seconds_between(max(moments.start, recording.first))
            )
        if all(map(math.isnan, values)):
            raise RecordingError("there is no recording of it from that time")
        low, high = band or ((), ())
        return Curve(question.quantity, moments, values, low, high, is_peak=with_peaks, is_recorded=True, apart=apart)

    def _peaks(self, times: Sequence[float], question: CurveQuestion) -> tuple[float, ...]:
        """The highest value later than each moment before and until each moment; NaN for none."""
        moments, found = question.range, [math.nan] * question.range.points
        for at in times:
            place = math.ceil((at - moments.start) / moments.step)
            value = self._value(at, question.key, question.quantity)
            if 0 <= place < moments.points and not value <= found[place]:
                found[place] = value
        return tuple(found)

    def _value(self, at: float | None, key: str, quantity: Quantity) -> float:
        return math.nan if at is None else self._known.get((at, key, quantity), math.nan)

    def _read(
        self, recording: Recording, times: Sequence[float], key: str, wanted: Sequence[Quantity], *, gauges_alone: bool
    ) -> None:
        frames, topology, focus = Frames(), None, frozenset({key})
        read = recording.rows_and_gauges if gauges_alone else recording.rows_and_numbers
        for at in times:
            if all((at, key, each) in self._known for each in wanted):
                continue
            state, measurement = read(at)
            topology = followed(topology, state, measurement)
            made = frames.frames_at(topology, measurement, at, focus)
            for each in wanted:
                self._known[at, key, each] = value_in(made, key, each)
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)


def _last(kept: Sequence[float], at: float, since: float) -> float | None:
    place = bisect_right(kept, at)
    return kept[place - 1] if place and kept[place - 1] > since else None


def value_in(frames: Mapping[str, Frame], key: str, quantity: Quantity) -> float:
    """Return the value of an object, in the first frame that has it; NaN if none does."""
    places = _BEFORE if quantity in GATEWAY_QUANTITIES else _OF
    frame = next((frames[name] for name in places if key in frames[name].index), None)
    return math.nan if frame is None else frame.value(key, quantity)
