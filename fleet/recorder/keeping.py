"""Recording beside the observing: what cannot be written is said once in the header, and ends nothing else."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from fleet.model.measurement import Measurement
from fleet.model.snapshot import Health, SourceStatus
from fleet.recorder.problem import RecordingError
from fleet.recorder.writer import RecordingWriter
from fleet.sources.kube.state import KubeState

NAME = "recorder"


class Keeping:
    """Keeps a recording that ``open_file`` opens at the first tick; after a failure it keeps no more.

    A tick may still be written when it is closed, on the thread of its own.
    """

    def __init__(self, open_file: Callable[[], RecordingWriter]) -> None:
        self._open = open_file
        self._recorder: RecordingWriter | None = None
        self._failed: SourceStatus | None = None
        self._closed = False
        self._one = Lock()

    def note(
        self, state: KubeState, statuses: tuple[SourceStatus, ...], measurement: Measurement | None, now: float
    ) -> None:
        """One tick."""
        with self._one:
            if self._closed:
                return
            try:
                if self._recorder is None:
                    self._recorder = self._open()
                self._recorder.note(state, statuses, measurement, now)
            except RecordingError as error:
                remedy = error.remedy or "Free some space, or name another file; the console goes on without it."
                problem = f"nothing is recorded: {error}"
                self._failed = SourceStatus(NAME, Health.DOWN, now, problem=problem, remedy=remedy)
                self._end()

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Why nothing is kept any more."""
        return () if self._failed is None else (self._failed,)

    def close(self) -> None:
        """Close the file; whatever comes later is not kept."""
        with self._one:
            self._end()

    def _end(self) -> None:
        self._closed = True
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close()
