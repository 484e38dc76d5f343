"""A moment of the past of a cluster, from its recording: a connection beside the live one that cannot act."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console.session.failure import NotRecordedError, SessionError
from console.wiring.recorded_connection import RecordedConnection
from fleet.recorder.playback_at_moment import StandingObjects, StandingPlayback
from fleet.recorder.problem import RecordingError
from fleet.recorder.reader import Recording
from fleet.recorder.writer import EVERY

if TYPE_CHECKING:
    from collections.abc import Callable

WHY: Final = "this is the past: what is asked of the cluster is only there now"
REMEDY: Final = ":now goes back."
_LATEST: Final = 2 * EVERY
"""Seconds after the last measurement of a recording up to which it stands for that moment: the next is not due yet."""
_REFRESH: Final = 1.0
"""Seconds between ticks: nothing changes any more, except that further sources are read."""


class RecordedMoment(RecordedConnection):
    """The connection to a moment. ``play_up`` comes before everything else."""

    def __init__(self, recording: Recording, at: float, namespace: str, keep: Callable[[Exception], str]) -> None:
        self._standing = StandingPlayback(recording, at)
        objects = StandingObjects(self._standing, namespace)
        super().__init__(self._standing, objects, _REFRESH, keep, (WHY, REMEDY))

    async def play_up(self) -> None:
        """Observe the time before the moment."""
        for _ in self._standing.steps():
            await self.observer.tick()


def connect_past(path: Path, at: float, namespace: str, keep: Callable[[Exception], str]) -> RecordedMoment:
    """Return the connection to a moment, a Unix time, of a recording. Raises SessionError."""
    try:
        recording = Recording(path)
    except RecordingError as error:
        raise SessionError(error.message, error.remedy) from None
    try:
        _check_within(recording, at)
        return RecordedMoment(recording, min(at, recording.last), namespace, keep)
    except BaseException as error:
        recording.close()
        if isinstance(error, RecordingError):
            raise SessionError(error.message, error.remedy) from None
        raise


def _check_within(recording: Recording, at: float) -> None:
    """Raises NotRecordedError for a moment that is not in it."""
    first, last = recording.first, recording.last
    if not first <= at <= last + _LATEST:
        kept = f"What is kept is from {_on_the_clock(first)} to {_on_the_clock(last)}."
        raise NotRecordedError(f"nothing is recorded of {_on_the_clock(at)}", kept, first)


def _on_the_clock(at: float) -> str:
    """A moment by the clock of this machine, with its date where that is not today."""
    local, today = time.localtime(at), time.localtime()
    return time.strftime("%H:%M:%S" if local[:3] == today[:3] else "%Y-%m-%d %H:%M:%S", local)
