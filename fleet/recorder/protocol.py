"""The contract between the Observer and whatever keeps what the sources said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from fleet.model.snapshot import SourceStatus
from fleet.recorder.moment import Moment
from fleet.snapshot.backfill import Step


class Keeps(Protocol):
    """Whoever is told what the sources said at each tick."""

    def note(self, moment: Moment, now: float) -> None:
        """One tick. Called on a worker thread, for one tick at a time. Never raises."""
        ...

    def before(self, now: float, seconds: float, step: float) -> Mapping[float, Step]:
        """Steps of the seconds before ``now``, a Unix time, by the time of a step: for the strips. On a worker
        thread. Never raises."""
        ...

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return what is wrong with it; nothing where nothing is."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...
