"""Measurements of this machine while a cluster is selected: the same numbers as in the context ``local``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fleet.model.snapshot import Snapshot
from fleet.observer import Observer


class BackgroundObserver:
    """Observes this machine while needed. Belongs to one event loop.

    ``observer`` makes the observer; ``arrived`` is called after every Snapshot.
    """

    def __init__(self, observer: Callable[[], Observer], arrived: Callable[[], None]) -> None:
        self._observer = observer
        self._arrived = arrived
        self._observing: asyncio.Task[None] | None = None
        self.snapshot: Snapshot | None = None
        """The newest one; None while it is not wanted."""

    async def switch(self, *, wanted: bool) -> None:
        """Start or stop observing. Raises what ended the observation, if anything has."""
        if self._observing is not None and (not wanted or self._observing.done()):
            self._observing.cancel()
            (ended,) = await asyncio.gather(self._observing, return_exceptions=True)
            self._observing = self.snapshot = None
            if isinstance(ended, Exception):
                raise ended
        if wanted and self._observing is None:
            observer = self._observer()
            observer.focus(None)
            self._observing = asyncio.create_task(observer.run(self._take), name="observe this machine aside")

    def _take(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._arrived()
