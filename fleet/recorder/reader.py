"""Reading a recording: the data of the sources at any moment of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from fleet.model.facts import NO_FACTS, Facts
from fleet.model.measurement import Measurement
from fleet.recorder import facts, metrics, objects
from fleet.recorder.facts import sources_in
from fleet.recorder.file import FACTS, LAYOUT, NUMBERS, OBJECTS, RecordingFile, RecordingFrame, written
from fleet.recorder.metrics import MeasurementLayout
from fleet.recorder.moment import Moment
from fleet.recorder.objects import ObservedState, sharing
from fleet.recorder.problem import YEAR_9999, RecordingError
from fleet.recorder.thinning import seconds_between, thinned
from fleet.sources.kube.state import KubeState

T = TypeVar("T")


class _Chain(Generic[T]):
    """Frames of a kind that are written as differences.

    They are read along their ``base`` links, so that the frames of two writers to one file do not mix, starting from
    what was read last.
    """

    def __init__(self, file: RecordingFile, kind: str, apply: Callable[[T | None, bytes], T]) -> None:
        self._file = file
        self._kind = kind
        self._apply = apply
        self._at: int | None = None
        self._value: T | None = None

    def go_on(self, frame: int, value: T) -> None:
        """Continue from a value that is known already, so that nothing before its frame is read again."""
        self._at, self._value = frame, value

    def at(self, moment: float) -> T | None:
        """Return the value at a moment; None before the first frame. Raises RecordingError."""
        last = self._file.latest(self._kind, moment)
        return None if last is None else self.of(last)

    def of(self, last: RecordingFrame) -> T:
        """Return the state at a frame. Raises RecordingError."""
        value = self._value
        for frame in reversed(list(self._since_known(last))):
            value = self._apply(None if frame.base is None else value, frame.data)
            self._value, self._at = value, frame.id
        if value is None:
            raise RecordingError(f"its {self._kind} begin with changes: the state before them is missing")
        return value

    def _since_known(self, frame: RecordingFrame) -> Iterator[RecordingFrame]:
        """Yield a frame and its predecessors, back to one that is already read or is complete."""
        while self._at is None or frame.id != self._at:
            yield frame
            if frame.base is None:
                return
            if frame.base >= frame.id:
                raise RecordingError("a part of it refers to a later one")
            frame = self._file.frame(frame.base)
            if frame.kind != self._kind:
                raise RecordingError("a part of it refers to one of another kind")


class Recording:
    """A recording opened for reading; going forward costs only the changes. Every method raises RecordingError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = RecordingFile.open(path)
        span = self._file.span()
        if span is None:
            self._file.close()
            raise RecordingError(f"{path} is an empty recording: nothing was seen while it was made")
        self.first, self.last = span
        if not 0 <= self.first <= self.last <= YEAR_9999:
            self._file.close()
            raise RecordingError(f"{path} has an invalid time")
        self.about = self._file.about()
        self.told_by = sources_in(self.about)
        """Names of the sources of facts that are in it."""
        self._thinned = thinned(self.about)
        self._looked = _Chain(self._file, OBJECTS, objects.apply)
        self._facts = _Chain(self._file, FACTS, facts.apply)
        self._numbers: RecordingFrame | None = None
        self._measurement: Measurement | None = None
        self._layout: tuple[int, MeasurementLayout] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def at(self, moment: float) -> Moment:
        """Return the data at a Unix time; before the first frame, that frame's."""
        moment = max(moment, self.first)
        looked = self._looked_at(moment)
        # Older versions kept no facts.
        known = self._facts.at(moment) or NO_FACTS
        return Moment(looked.state, looked.statuses, self._measured(moment), known)

    def states(
        self, begin: float, end: float, last: tuple[int, ObservedState] | None = None, live: KubeState | None = None
    ) -> Iterator[tuple[int, float, ObservedState]]:
        """(frame, Unix time, what was seen) of each look between two moments at which anything was other than before,
        in the order in which they were written: those after ``last``, a look of an earlier reading, which is not read
        again; without it, the first is the last one before ``begin``.

        A row that is equal to that of the look before, or of ``live``, is that object.
        """
        first, after, known = self._file.latest(OBJECTS, begin), 0, (live,) if live is not None else ()
        if last is not None:
            after = last[0]
            self._looked.go_on(*last)
        before = () if last is None else (last[1].state,)
        for frame in written(self._file, OBJECTS, first.at if first is not None else begin, end, after):
            looked = self._looked.of(frame)
            looked = replace(looked, state=sharing(looked.state, *before, *known))
            # Later looks are differences from this one, and have its rows.
            self._looked.go_on(frame.id, looked)
            before = (looked.state,)
            yield frame.id, frame.at, looked

    def fact_changes(self, begin: float, end: float, after: int = 0) -> Iterator[tuple[int, Facts]]:
        """(frame, facts) of each change of the facts of any source, in the same way."""
        first = self._file.latest(FACTS, begin)
        for frame in written(self._file, FACTS, first.at if first is not None else begin, end, after):
            yield frame.id, self._facts.of(frame)

    def rows_and_numbers(self, moment: float) -> tuple[KubeState, Measurement | None]:
        """Return the inputs of quantities at a Unix time, without reading anything else."""
        moment = max(moment, self.first)
        return self._looked_at(moment).state, self._measured(moment)

    def rows_and_gauges(self, moment: float) -> tuple[KubeState, Measurement | None]:
        """The same without histograms and means of phases, in a third of the time."""
        moment = max(moment, self.first)
        frame = self._file.latest(NUMBERS, moment)
        return self._looked_at(moment).state, None if frame is None else self._read(frame, gauges_alone=True)

    def measured(self, begin: float, end: float) -> list[float]:
        """Unix times between two moments at which a measurement was recorded, oldest first."""
        return self._file.times(NUMBERS, max(begin, self.first), end)

    def until_next(self, at: float, within: float) -> float | None:
        """Seconds from the measurement that is the last at a moment to the next, which is no further than ``within``.

        None where one of them is missing.
        """
        this = self._file.latest(NUMBERS, at)
        times = self._file.times(NUMBERS, this.at, this.at + within) if this is not None else []
        return times[1] - times[0] if len(times) > 1 else None

    def changes(self) -> list[float]:
        """Unix times at which anything was written, oldest first."""
        kinds = (OBJECTS, NUMBERS, FACTS)
        return sorted({at for kind in kinds for at in self._file.times(kind, self.first, self.last)})

    def seconds_between(self, at: float) -> float:
        """Return the seconds between the measurements that thinning has left at a moment; 0 if all are there."""
        return seconds_between(self._thinned, at)

    def _looked_at(self, moment: float) -> ObservedState:
        looked = self._looked.at(moment)
        if looked is None:
            raise RecordingError("its objects begin after its start")
        return looked

    def _measured(self, moment: float) -> Measurement | None:
        frame = self._file.latest(NUMBERS, moment)
        if frame is None:
            return None
        if self._numbers is None or frame.id != self._numbers.id:
            self._measurement, self._numbers = self._read(frame), frame
        return self._measurement

    def _read(self, frame: RecordingFrame, *, gauges_alone: bool = False) -> Measurement:
        numbers = metrics.unpack_numbers(frame.data)
        return metrics.measurement(self._layout_of(frame), numbers, gauges_alone=gauges_alone)

    def _layout_of(self, frame: RecordingFrame) -> MeasurementLayout:
        """Return the layout of its numbers; the same object for all frames with the same one."""
        if self._layout is None or self._layout[0] != frame.base:
            found = self._file.frame(frame.base) if frame.base is not None else None
            if found is None or found.kind != LAYOUT:
                raise RecordingError("one of its measurements does not name its source")
            self._layout = found.id, metrics.unpack_layout(found.data)
        return self._layout[1]


def has_look(recording: Recording, frame: int, at: float) -> bool:
    """True if it is the file in which that frame is of that moment, and not another in its place."""
    return any(each.id == frame for each in written(recording._file, OBJECTS, at, at, frame - 1))
