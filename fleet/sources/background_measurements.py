"""Measurements in parallel with the ticks: one at a time, and with the first the store's past."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fleet.model.past import Past
from fleet.snapshot.history import POINTS, STEP
from fleet.sources.kube.state import KubeState
from fleet.sources.protocol import MetricsSource


class Measurements:
    """Runs measurements between ticks: if one is still running when the next is due, no second one is started."""

    def __init__(
        self,
        metrics: MetricsSource,
        clock: Callable[[], float],
        wanted: Callable[[], frozenset[str] | None],
        untold: Callable[[], None],
    ) -> None:
        """``wanted`` returns the pods whose own percentiles are wanted, None for all; ``untold`` is called if no store
        has the past.
        """
        self._metrics = metrics
        self._clock = clock
        self._wanted = wanted
        self._untold = untold
        self._task: asyncio.Task[None] | None = None
        self._remembers = False
        self._past: list[Past] = []

    @property
    def is_over(self) -> bool:
        """True if a measurement has ended and was not collected."""
        return self._task is not None and self._task.done()

    def collect(self) -> None:
        """Finish a completed measurement. Raises its error."""
        last, self._task = self._task, None
        if last is not None:
            last.result()

    async def begin(self, state: KubeState, seconds: float, later: Callable[[], None]) -> bool:
        """Begin a measurement if it is due and none is running, and wait up to ``seconds`` for it; return whether it is
        done. Otherwise ``later`` is called once it is, also if it fails, which ``collect`` raises.
        """
        if self._task is not None or not self._metrics.due(state, self._clock()):
            return False
        task = self._task = asyncio.create_task(self._measure(state), name="measure")
        if seconds:
            await asyncio.wait({task}, timeout=seconds)
        if task.done() and not task.cancelled() and task.exception() is None:
            return True
        task.add_done_callback(lambda _: later())
        return False

    async def close(self) -> None:
        """Stop the running measurement."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def query_past(self) -> None:
        """Query the time before the console's start, if a store has it."""
        latest = self._metrics.latest
        if latest is not None and latest.source == "prometheus":
            self._past = await self._metrics.remembered(latest, STEP * POINTS, STEP)

    def take_past(self) -> list[Past]:
        """Return the past, once."""
        past, self._past = self._past, []
        return past

    async def _measure(self, state: KubeState) -> None:
        await self._metrics.measure(state, self._wanted(), self._clock())
        latest = self._metrics.latest
        if not self._remembers and latest is not None and latest.engines:
            self._remembers = True
            await self.query_past()
            if not self._past:
                self._untold()
