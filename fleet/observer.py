"""Observation: the sources run, and every tick becomes one Snapshot.

A tick waits a quarter of a second for the measurement that it has begun, and for no slow source: it shows the latest
data of the sources, and its age.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from fleet.memory import give_back, share_heaps
from fleet.model.snapshot import Health, Snapshot, SourceStatus
from fleet.recorder.moment import Moment
from fleet.recorder.tick_recorder import TickRecorder
from fleet.snapshot.builder import Builder
from fleet.snapshot.namespace_view import Viewer
from fleet.sources.background_measurements import Measurements
from fleet.sources.defect_line import DefectLine
from fleet.sources.kube.state import KubeState
from fleet.sources.protocol import MetricsSource, ObjectSource
from fleet.sources.side_sources import Makes, SideSources, none

if TYPE_CHECKING:
    from fleet.recorder.protocol import Recorder

EAGER = 0.1
"""Seconds between ticks until the first complete one: the user is looking at an empty screen."""
EAGER_FOR = 10.0
"""Seconds after which an incomplete start is taken as the steady state (for example, an API server that is down)."""

JUDGED_AFTER = 0.05
"""Seconds in which the first Snapshot is drawn before the causes are imported, which would share the interpreter."""
RECORDS_AFTER = 1.5
"""Seconds from the first numbers until recording begins: drawing them has the machine to itself."""
TOGETHER = 0.25
"""Seconds that a tick waits for the measurement that it has begun: direct scrapes are done by then."""
TRIM_EVERY = 60.0
"""Seconds between returns of free heap pages to the system: pages of metrics come and go between objects that stay, and
after half an hour half of the heaps would be holes.
"""
GIVE_UP = 3.0
"""Seconds that a source may be out of reach before a single Snapshot is made without it: a retry or two."""


class Observer:
    """Drives the sources of one cluster, and any further sources. Belongs to one event loop; ``deliver`` must not
    block.

    ``beside`` makes the further sources, once the first value has arrived. ``report`` stores the details of an
    unexpected error and returns where (empty for nowhere). ``keeps`` receives each tick's source data, once the tick is
    on its way to the screen, and may be queried for the past.
    """

    def __init__(
        self,
        objects: ObjectSource,
        metrics: MetricsSource,
        beside: Makes = none,
        *,
        refresh: float = 2.0,
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
        builder: Builder | None = None,
        report: Callable[[Exception], str] = lambda _: "",
        recorder: Recorder | None = None,
        records_after: float = RECORDS_AFTER,
    ) -> None:
        self.objects = objects
        self.metrics = metrics
        self._beside = SideSources(beside, clock)
        self._starting: asyncio.Task[None] | None = None
        """The start of the further sources; None before the first value has arrived."""
        self._refresh = refresh
        self._read_only = read_only
        self._clock = clock
        self._builder = builder or Builder()
        self._viewer = Viewer()
        self._focus: frozenset[str] | None = frozenset()
        self._wake = asyncio.Event()
        self._unmade: tuple[SourceStatus, ...] = ()
        """Reason why there are no further sources, if they could not be made."""
        self._recorder = TickRecorder(recorder) if recorder is not None else None
        self._records_after = records_after
        untold = self._recorder.recall if self._recorder is not None else _nothing
        self._measurements = Measurements(metrics, clock, self._measured, untold)
        self._shown: float | None = None
        """Monotonic seconds at which the first numbers arrived."""
        self._first_tick = time.monotonic()
        self._last: Snapshot | None = None
        self._defect = DefectLine(clock, report)
        self._sound = True
        """False if the last measurement failed by an unexpected error."""

    def focus(self, pods: frozenset[str] | None) -> None:
        """Set the pods whose own percentiles are wanted; None for all. Takes effect with the next measurement."""
        self._focus = pods

    def select_namespace(self, namespace: str) -> None:
        """Show this namespace from now on (empty: all). The whole cluster is observed, so nothing restarts."""
        self.objects.select_namespace(namespace)
        self._wake.set()

    def wake(self) -> None:
        """Tick and measure now."""
        self.objects.refresh()
        self.metrics.refresh()
        self._beside.refresh()
        self._wake.set()

    async def run(self, deliver: Callable[[Snapshot], None], *, numbers_first: bool = False) -> None:
        """Observe until cancelled. ``numbers_first``: the first Snapshot is not judged, and another follows."""
        begun = trimmed = time.monotonic()
        synced: asyncio.Task[bool] | None = None
        try:
            # Inside the try: if cancelled while the sources start, some of them are already running.
            await self.objects.start()
            # The first screen with numbers must not wait for the next tick once there is something to measure.
            synced = asyncio.create_task(self.objects.wait_synced(), name="first sync")
            synced.add_done_callback(lambda _: self._wake.set())
            # Nobody has to see a Snapshot of nothing: a server nearby has answered within that time.
            await self._pause(EAGER)
            judge = not numbers_first
            while True:
                deliver(self._viewer.view(await self._tick_or_say(judge=judge)))
                if not judge:
                    judge = True
                    await self._pause(JUDGED_AFTER)
                    continue
                starting = not self._complete() and time.monotonic() - begun < EAGER_FOR
                if not starting and self._starting is None:
                    self._starting = asyncio.create_task(self._start_beside(self._refresh), name="start beside")
                if time.monotonic() - trimmed >= TRIM_EVERY:
                    await asyncio.to_thread(give_back)
                    trimmed = time.monotonic()
                await self._pause(EAGER if starting else self._refresh)
        finally:
            if synced is not None:
                synced.cancel()
                await asyncio.gather(synced, return_exceptions=True)
            await self.close()

    async def once(
        self,
        timeout: float,  # noqa: ASYNC109 - an incomplete Snapshot is an answer, not an error
        *,
        looks_back: bool = False,
        beside: float | None = None,
        then: Callable[[Snapshot], Awaitable[None]] | None = None,
    ) -> Snapshot:
        """Return one Snapshot that is as complete as ``timeout`` seconds allow: synced, measured, rates included.

        ``beside`` is the time in seconds for the further sources, if more than a few. ``looks_back``: it includes the
        histories that a source keeps, for callers that need onsets. ``then`` runs with it while the sources are still
        open.
        """
        deadline = time.monotonic() + timeout
        try:
            await asyncio.gather(self.objects.start(), self._start_beside())
            await self.synced(timeout)
            patience = GIVE_UP if beside is None else beside
            await self._beside.wait_synced(min(patience, max(0.0, deadline - time.monotonic())))
            self.objects.tick()
            while True:
                state = self.objects.state()
                await self._measured_or_noted(state)
                pause = self.metrics.settles_in()
                if not pause or time.monotonic() + pause > deadline:
                    if looks_back:
                        await self._measurements.query_past()
                    snapshot = await self._build(state)
                    if looks_back:
                        # The history is joined by the first Snapshot's topology.
                        snapshot = await self._build(state)
                    view = self._viewer.view(self._defect.on(snapshot))
                    if then is not None:
                        await then(view)
                    return view
                await asyncio.sleep(pause)
        finally:
            await self.close()

    async def _measured_or_noted(self, state: KubeState) -> None:
        """Measure; an unexpected error becomes a line of the Snapshot, which still has the rest."""
        try:
            await self.metrics.measure(state, self._focus, self._clock())
        except Exception as error:  # noqa: BLE001 - whatever it is, it must reach the person with what is known
            self._defect.note(error)

    async def tick(self, *, judge: bool = True) -> Snapshot:
        """Start a measurement if one is due, and build a Snapshot of what is known now."""
        self.objects.tick()
        state = self.objects.state()
        if self._measurements.is_over:
            self._collect()
        # If it takes no time, publish one Snapshot with it, without an earlier one that only updates ages.
        if await self._measurements.begin(state, TOGETHER if self._shown is not None else EAGER, self._wake.set):
            self._collect()
        return await self._build(self.objects.state(), judge=judge)

    def _collect(self) -> None:
        self._measurements.collect()
        self._sound = True

    async def _tick_or_say(self, *, judge: bool) -> Snapshot:
        """Tick; after an unexpected error, return the last Snapshot with a line about it."""
        try:
            snapshot = await self.tick(judge=judge)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must reach the screen and not end the observing
            self._defect.note(error)
            self._sound = False
            now = self._clock()
            last = self._last or Snapshot(0, now, self.objects.state().cluster)
            snapshot = replace(last, sequence=last.sequence + 1, at=now)
        else:
            if self._sound:
                self._defect.clear()
        self._last = snapshot
        return self._defect.on(snapshot)

    async def close(self) -> None:
        """Close every connection."""
        await self._measurements.close()
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self._beside.close()
        await self.metrics.close()
        await self.objects.close()
        if self._recorder is not None:
            await self._recorder.close()

    async def wait_until_recorded(self) -> None:
        """Wait until the last tick is kept, but not for a disk that hangs."""
        if self._recorder is not None:
            await self._recorder.wait()

    async def synced(self, timeout: float) -> None:  # noqa: ASYNC109 - as above
        """Wait until the cluster is known, unless it stays out of reach."""
        waiting = asyncio.ensure_future(self.objects.wait_synced(timeout))
        down_since: float | None = None
        try:
            while not (await asyncio.wait({waiting}, timeout=EAGER))[0]:
                if all(status.health is not Health.DOWN for status in self.objects.statuses()):
                    down_since = None
                    continue
                down_since = down_since or time.monotonic()
                if time.monotonic() - down_since >= GIVE_UP:
                    return
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def _start_beside(self, after: float = 0.0) -> None:
        """Begin in ``after`` seconds: meanwhile the first value is drawn, which would have to share the interpreter."""
        try:
            await asyncio.sleep(after)
            await asyncio.to_thread(_tidy_heaps)
            await self._beside.start()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must reach the person with what is known
            self._unmade = (self._defect.status_of(error),)

    def _measured(self) -> frozenset[str] | None:
        """Return the pods whose own percentiles are measured; None for all."""
        return None if self._focus is None else self._focus | self._builder.shared()

    def statuses(self) -> tuple[SourceStatus, ...]:
        """The sources as they are at the moment, before any Snapshot has them."""
        return (*self.objects.statuses(), *self.metrics.statuses(), *self._beside.statuses(), *self._unmade)

    async def _build(self, state: KubeState, *, judge: bool = True) -> Snapshot:
        now = self._clock()
        facts = self._beside.facts()
        statuses = self.statuses()
        recorder = self._recorder
        sources = statuses if recorder is None else (*statuses, *recorder.statuses())
        if self._read_only:
            state = replace(state, cluster=replace(state.cluster, read_only=True))
        past = self._measurements.take_past()
        recalled = {} if recorder is None else recorder.take_recalled()
        latest = self.metrics.latest

        def build() -> Snapshot:
            snapshot = self._builder.build(state, latest, sources, now, self._focus, facts, judge=judge)
            self._builder.remember(past, latest.clock_skew if latest is not None else 0.0)
            self._builder.recall(recalled)
            return snapshot

        snapshot = await asyncio.to_thread(build)
        if recorder is not None and self._is_seen():
            recorder.note(Moment(state, statuses, latest, facts), now)
        if self._shown is None and (self._complete() or time.monotonic() - self._first_tick >= EAGER_FOR):
            self._shown = time.monotonic()
        return snapshot

    def _is_seen(self) -> bool:
        """True if the first numbers have been drawn: recording only starts after that."""
        return self._shown is not None and time.monotonic() - self._shown >= self._records_after

    def _complete(self) -> bool:
        return self.metrics.latest is not None and "pods" in self.objects.state().synced

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()


def _nothing() -> None:
    """Placeholder: no past is kept."""


def _tidy_heaps() -> None:
    """Return the memory that listing the whole cluster took, and keep it returned."""
    share_heaps()
    give_back()
