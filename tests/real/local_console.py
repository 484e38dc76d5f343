"""The console on this machine, as far as it measures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actions.request import LOCAL
from console.wiring.sources import observer, source_of
from fleet.model.snapshot import Snapshot
from fleet.observer import Observer
from tests.real.local_clients import PATIENCE
from tests.real.local_servers import SLOTS, Here


class Console:
    """The console's Snapshots of this machine, while they are made."""

    def __init__(self, observing: Observer) -> None:
        self.latest: Snapshot | None = None
        self._observing = observing
        self._came = asyncio.Event()

    def deliver(self, snapshot: Snapshot) -> None:
        self.latest = snapshot
        self._came.set()

    async def measured_after(self, at: float) -> Snapshot:
        """The first Snapshot with numbers of both servers that were measured after this (Unix time), soon."""
        self._observing.wake()
        async with asyncio.timeout(PATIENCE):
            while True:
                seen = self.latest
                if seen is not None and (seen.measured_at or 0.0) > at and len(seen.engines) == len(SLOTS):
                    return seen
                self._came.clear()
                await self._came.wait()


@asynccontextmanager
async def console(here: Here) -> AsyncIterator[Console]:
    source = source_of(here.settings, LOCAL, "", here.environ)
    observing = observer(here.settings, source, time.time(), here.environ)
    observing.focus(None)
    seen = Console(observing)
    running = asyncio.create_task(observing.run(seen.deliver))
    try:
        yield seen
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
