"""Who is told what the sources said: the contract between the Observer and whatever keeps it."""

from __future__ import annotations

from typing import Protocol

from fleet.model.measurement import Measurement
from fleet.model.snapshot import SourceStatus
from fleet.sources.kube.state import KubeState


class Keeps(Protocol):
    """Whoever is told what the sources said at each tick."""

    def note(
        self, state: KubeState, statuses: tuple[SourceStatus, ...], measurement: Measurement | None, now: float
    ) -> None:
        """One tick. Called on a worker thread, for one tick at a time. Never raises."""
        ...

    def statuses(self) -> tuple[SourceStatus, ...]:
        """What is wrong with it; nothing where nothing is."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...
