"""The contract between the Observer and a recorder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from fleet.model.snapshot import SourceStatus
from fleet.recorder.moment import Moment
from fleet.snapshot.backfill import Step


class Recorder(Protocol):
    """A recorder, which receives the data of the sources at each tick."""

    def note(self, moment: Moment, now: float) -> None:
        """Record one tick. Called on a worker thread, for one tick at a time. Never raises."""
        ...

    def before(self, now: float, seconds: float, step: float) -> Mapping[float, Step]:
        """Return steps of the seconds before ``now``, a Unix time, by the time of a step: for the strips. On a worker
        thread. Never raises.
        """
        ...

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return its problems; empty if there are none."""
        ...

    def close(self) -> None:
        """Finish: no more data comes."""
        ...
