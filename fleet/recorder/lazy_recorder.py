"""A recorder that is made when there is something to record: the first screen does not wait for its modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleet.model.snapshot import SourceStatus
    from fleet.recorder.moment import Moment
    from fleet.recorder.protocol import Recorder
    from fleet.snapshot.backfill import Step


class LazyRecorder:
    """Implements Recorder."""

    def __init__(self, make: Callable[[], Recorder]) -> None:
        self._make = make
        self._made: Recorder | None = None

    def note(self, moment: Moment, now: float) -> None:
        """One tick, after which it exists."""
        self._recorder().note(moment, now)

    def before(self, now: float, seconds: float, step: float) -> Mapping[float, Step]:
        """Ask it; it exists afterwards."""
        return self._recorder().before(now, seconds, step)

    def statuses(self) -> tuple[SourceStatus, ...]:
        """None before it exists."""
        return () if self._made is None else self._made.statuses()

    def close(self) -> None:
        """Close it, where there is something to close."""
        if self._made is not None:
            self._made.close()

    def _recorder(self) -> Recorder:
        if self._made is None:
            self._made = self._make()
        return self._made
