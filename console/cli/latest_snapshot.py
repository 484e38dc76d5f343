"""The newest Snapshot of a fleet that is observed while a command acts, and waiting for its contents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fleet.model.snapshot import Health, Snapshot
from fleet.sources.prometheus.products import ALERTMANAGER


class LatestSnapshot:
    """Holder of the last delivered Snapshot."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        """Set with every Snapshot."""
        self._newest: Snapshot | None = None

    def deliver(self, snapshot: Snapshot) -> None:
        """Take a Snapshot, for the whole cluster."""
        self.take(snapshot.everything)

    def take(self, snapshot: Snapshot) -> None:
        """Take a Snapshot as it is."""
        self._newest = snapshot
        self.arrived.set()

    def last(self) -> Snapshot | None:
        """The newest; None before the first."""
        return self._newest

    def newest(self) -> Snapshot:
        """The newest, once ``until`` has returned."""
        if self._newest is None:
            raise RuntimeError("no Snapshot has been waited for")
        return self._newest

    async def until(self, true: Callable[[Snapshot], bool], seconds: float | None = None) -> bool:
        """Wait up to ``seconds`` until it is true of the newest Snapshot; return whether it is."""
        try:
            async with asyncio.timeout(seconds):
                while self._newest is None or not true(self._newest):
                    self.arrived.clear()
                    await self.arrived.wait()
        except TimeoutError:
            return False
        return True


def alerts_are_known(snapshot: Snapshot) -> bool:
    """True if each Alertmanager has delivered its alerts, or the reason why it does not."""
    every = [source for source in snapshot.sources if source.name.partition("/")[0] == ALERTMANAGER.section]
    return bool(every) and all(source.health is not Health.STARTING for source in every)
