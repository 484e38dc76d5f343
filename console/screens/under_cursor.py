"""The free lines below the table of the fleet: details of the row on which the cursor rests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from console.screens.base import BESIDE
from console.session.failure import SessionError
from console.views.subject import assessment_of, ref_of
from fleet.model.objects import SAME_CLUSTER
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from widgets.grid import Grid
from widgets.line import Line

if TYPE_CHECKING:
    from textual.timer import Timer
    from textual.worker import WorkType

    from console.screens.base import ConsoleScreen
    from fleet.timeline.entry import Entry
    from fleet.timeline.timeline import Timeline

REST = 0.25
"""Seconds after which a cursor rests: scrolling with a held key is not slowed."""
WIDTH, HEIGHT = 100, 30
"""The smallest screen that has such lines."""
ASK_AFTER = 2.0
"""Seconds after which the past is queried: it is not urgent, and the first numbers come first."""
UNMEASURED = 5.0
"""Seconds that numbers are waited for at the start: a cluster may have none."""
BACK = 6 * 3600.0
"""Seconds of the past that are shown."""
AGAIN = 300.0
"""Seconds after which the past is queried again, when the cursor comes to rest."""
MOST_PODS = 500
"""Largest number of pods for which the past is queried automatically, since it lists every object. Above it, ``h``
queries it.
"""
_STEP = 15.0
"""Seconds between two points of the strips: the plots are redrawn with each, not with every tick."""


class UnderCursor:
    """The contents of those lines. Nothing is computed while there is no room for them."""

    def __init__(self, screen: ConsoleScreen, grid: Grid) -> None:
        self._screen = screen
        self._grid = grid
        self._newest: Snapshot | None = None
        self._key: str | None = None
        """The row that is shown, which may not be under the cursor any more."""
        self._shown: Snapshot | None = None
        """The Snapshot that it is drawn from, and the parts that must be unchanged to keep it."""
        self._of: tuple[object, ...] = ()
        self._timer: Timer | None = None
        self._timeline: Timeline | None = None
        self._asked_at = float("-inf")
        self._is_asking = False
        self._entries: tuple[Entry, ...] = ()
        self._made: tuple[tuple[object, ...], Sequence[Line]] = ((), ())
        self.plots = True
        """True if the plots are not already next to the table."""

    @property
    def has_room(self) -> bool:
        """True if the screen shows the row under the cursor below the table."""
        from console.views.under_cursor import height_of

        width, height = self._screen.size
        return width >= WIDTH and height >= HEIGHT and height_of(self._grid.free_lines) > 0

    def lines(self, width: int, free: int, glyphs: Glyphs) -> Sequence[Line]:
        """Return the last lines of the grid, at most ``free`` of them."""
        if self._shown is None or self._key is None or not self.has_room:
            return ()
        from console.views.under_cursor import height_of, under_cursor_lines

        height = height_of(free)
        wanted = (self._of, self._entries, width, height, self.plots, glyphs)
        if self._made[0] != wanted:
            lines = under_cursor_lines(self._shown, self._key, self._entries, width, height, glyphs, plots=self.plots)
            self._made = (wanted, lines)
        return self._made[1]

    def update(self, snapshot: Snapshot, key: str | None) -> None:
        """Store a Snapshot and the cursor's key. Draws nothing."""
        if self._newest is None or self._newest.cluster.id != snapshot.cluster.id:
            # Events there belong to other objects, even with the same name.
            self._timeline, self._asked_at = None, float("-inf")
            self._key, self._shown, self._entries = None, None, ()
        self._newest = snapshot
        if key is None:
            return
        if key == self._key:
            self._follow(snapshot)
        elif self._key is None:
            # The first time this is waited for, but only after the first numbers are painted.
            if snapshot.measured_at is not None:
                self._screen.call_after_refresh(self._rested)
            elif self._timer is None:
                self._wait(UNMEASURED, self._rested)
        else:
            self._wait(REST, self._rested)

    def _follow(self, snapshot: Snapshot) -> None:
        key = self._key or ""
        standing = assessment_of(snapshot, key)
        of = (
            snapshot.cluster.id,
            key,
            snapshot.at // _STEP,
            standing,
            key in snapshot.pods or key in snapshot.workloads,
        )
        if of != self._of:
            self._of, self._shown = of, snapshot

    def _rested(self) -> None:
        snapshot, key = self._newest, self._grid.cursor
        if snapshot is None or key is None or not self.has_room:
            return
        if self._timeline is not None and snapshot.at - self._asked_at < AGAIN:
            self._beside(self._show_known, "under the cursor")
            return
        self._show(key, ())
        self._wait(ASK_AFTER, self._ask_unbidden)

    def _ask_unbidden(self) -> None:
        """Query the past once for all rows, if that is cheap."""
        snapshot = self._newest
        pods = len(snapshot.everything.pods) if snapshot is not None else 0
        if not self._is_asking and self.has_room and 0 < pods <= MOST_PODS:
            self._is_asking = True
            self._beside(self._ask, "what happened")

    def _beside(self, work: WorkType[None], group: str) -> None:
        self._screen.run_worker(work, group=group, **BESIDE)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._screen.set_timer(seconds, then)

    def _show(self, key: str, entries: tuple[Entry, ...]) -> None:
        self._key, self._entries = key, entries
        if self._newest is not None:
            self._follow(self._newest)
        self._grid.redraw()

    async def _show_known(self) -> None:
        key = self._grid.cursor
        if key is not None:
            entries = await self._of_row(key)
            if key == self._grid.cursor:
                self._show(key, entries)

    async def _ask(self) -> None:
        snapshot = self._newest
        try:
            if snapshot is None:
                return
            timeline = await self._screen.desk.session.timeline(snapshot.cluster.id, snapshot.at - BACK)
            if self._newest is None or self._newest.cluster.id != snapshot.cluster.id:
                # Another cluster was selected meanwhile.
                self._wait(ASK_AFTER, self._ask_unbidden)
                return
            self._timeline = timeline
        except SessionError:
            # Read errors are reported on the full page; here the plots are shown alone.
            self._timeline = None
        finally:
            self._is_asking = False
            if snapshot is not None:
                self._asked_at = snapshot.at
        await self._show_known()

    async def _of_row(self, key: str) -> tuple[Entry, ...]:
        """Return the past of a row. All entries are searched, on a thread."""
        timeline, snapshot = self._timeline, self._newest
        ref = ref_of(snapshot, key) if snapshot is not None else None
        if timeline is None or ref is None:
            return ()
        return (await asyncio.to_thread(timeline.narrowed_to, ref._replace(cluster=SAME_CLUSTER))).entries
