"""Ticks on their way to the recorder, and recorded history on its way back into the strips."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from fleet.model.snapshot import SourceStatus
from fleet.recorder.moment import Moment
from fleet.snapshot.backfill import Step
from fleet.snapshot.history import POINTS, STEP

if TYPE_CHECKING:
    from fleet.recorder.protocol import Recorder

HANGS = 3.0
"""Seconds after which a disk is no longer waited for."""


class TickRecorder:
    """Records the data of a tick in parallel with the display, which waits for no disk.

    A tick that comes while the previous one is still being written is dropped.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._task: asyncio.Task[None] | None = None
        self._recalled: Mapping[float, Step] = {}
        self._recalls = False

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return its problems; empty if there are none."""
        return self._recorder.statuses()

    def note(self, moment: Moment, now: float) -> None:
        """Keep a tick, unless the last one is still being written."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._note(moment, now), name="record")

    def recall(self) -> None:
        """Ask for the past, with the next recorded tick."""
        self._recalls = True

    def take_recalled(self) -> Mapping[float, Step]:
        """Return the past, once."""
        recalled, self._recalled = self._recalled, {}
        return recalled

    async def wait(self) -> None:
        """Wait until the last tick is kept, but not for a disk that hangs."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=HANGS)

    async def close(self) -> None:
        """Finish: no more data comes. A hanging disk does not delay the exit."""
        await self.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(self._recorder.close), HANGS)

    async def _note(self, moment: Moment, now: float) -> None:
        # The present first: a file that turns out to be of another cluster is not this one's past.
        await asyncio.to_thread(self._recorder.note, moment, now)
        if self._recalls:
            self._recalls = False
            self._recalled = await asyncio.to_thread(self._recorder.before, now, STEP * POINTS, STEP)
