"""One shared watcher of this machine's vLLM servers: for screens, source, actions and commands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from console.config import paths
from fleet.local.errors import LocalError
from fleet.local.record import servers_folder
from fleet.local.server import Phase, ServerState
from fleet.local.watch import Watcher

if TYPE_CHECKING:
    from console.config.settings import Settings


class SharedWatcher:
    """The servers as they were at the last look. Belongs to one event loop: the observing one in the console."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self.folder = servers_folder(paths.state_folder(environ))
        self._settings = settings
        self._watcher = Watcher(self.folder)
        self._looking = asyncio.Lock()
        self._looked = float("-inf")
        """Beginning of the latest look (monotonic)."""
        self.latest: tuple[ServerState, ...] = ()
        self._noted: set[str] = set()
        """Ids of servers recorded as having been ready."""

    async def poll(self, age: float = 0.0) -> tuple[ServerState, ...]:
        """Return the servers now, or from a poll at most ``age`` seconds ago.

        A poll that begins after this call is shared; an older one would miss a server that was just started.
        """
        wanted = time.monotonic() - age
        async with self._looking:
            if self._looked < wanted:
                began = time.monotonic()
                self.latest = await self._watcher.poll()
                self._looked = began
                if not self._settings.read_only:
                    await self._note_ready()
            return self.latest

    async def _note_ready(self) -> None:
        """Record when a server became ready whose starting program is gone."""
        new = [s for s in self.latest if s.stage.phase is Phase.READY and s.record.id not in self._noted]
        for state in new:
            from actions.local.store import mark_ready

            self._noted.add(state.record.id)
            # A full disk is reported when something is started.
            with suppress(LocalError):
                await asyncio.to_thread(mark_ready, state.record, state.record.ready or state.at)

    @property
    def problems(self) -> tuple[str, ...]:
        """Failures to read."""
        return self._watcher.problems

    async def close(self) -> None:
        """Close the connections."""
        await self._watcher.close()
