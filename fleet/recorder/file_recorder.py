"""Recording during observation: a write error is shown once in the header, and affects nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from fleet.model.snapshot import RECORDER, Health, SourceStatus
from fleet.recorder.moment import Moment
from fleet.recorder.problem import RecordingError
from fleet.recorder.protocol import Recorder
from fleet.recorder.writer import RecordingWriter
from fleet.snapshot.backfill import Step


class FileRecorder:
    """Recorder to the file that ``open_file`` opens at the first tick; it stops after a failure.

    A tick may still be being written, on its own thread, when it is closed.
    """

    def __init__(self, open_file: Callable[[], RecordingWriter]) -> None:
        self._open = open_file
        self._recorder: RecordingWriter | None = None
        self._failed: SourceStatus | None = None
        self._closed = False
        self._one = Lock()

    def note(self, moment: Moment, now: float) -> None:
        """One tick."""
        with self._one:
            if self._closed:
                return
            try:
                if self._recorder is None:
                    self._recorder = self._open()
                self._recorder.note(moment, now)
            except RecordingError as error:
                remedy = error.remedy or "Free some space, or name another file; the console continues without it."
                problem = f"nothing is recorded: {error}"
                self._failed = SourceStatus(RECORDER, Health.DOWN, now, problem=problem, remedy=remedy)
                self._end()

    def before(self, now: float, seconds: float, step: float) -> Mapping[float, Step]:
        """Return nothing: the recording begins now."""
        del now, seconds, step
        return {}

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return why recording has stopped."""
        return () if self._failed is None else (self._failed,)

    def close(self) -> None:
        """Close the file; later data is dropped."""
        with self._one:
            self._end()

    def _end(self) -> None:
        self._closed = True
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close()


class RecorderGroup:
    """Implements Recorder for several recorders together."""

    def __init__(self, all_of_them: Sequence[Recorder]) -> None:
        self._all = all_of_them

    def note(self, moment: Moment, now: float) -> None:
        """One tick, to each."""
        for one in self._all:
            one.note(moment, now)

    def before(self, now: float, seconds: float, step: float) -> Mapping[float, Step]:
        """Return the steps of the first recorder that has any."""
        return next((found for one in self._all if (found := one.before(now, seconds, step))), {})

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Statuses of each."""
        return tuple(status for one in self._all for status in one.statuses())

    def close(self) -> None:
        """Each."""
        for one in self._all:
            one.close()
