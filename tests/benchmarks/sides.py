"""Three that draw a fleet: our grid alone, the console's fleet screen, and Textual's DataTable alone.

Each is given the next of its Snapshots with ``tick``, and pressed keys while that goes on.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from textual.widgets import DataTable

from console.screens.fleet import FleetScreen
from fleet.model.snapshot import Snapshot
from tests.benchmarks.drawing import SIZE, Console, TableApp, every, press
from tests.benchmarks.processes import waited_seconds
from tests.widgets.rows import COLUMNS, FleetRows
from themes.glyphs import UNICODE
from widgets.grid import Grid

KEY_EVERY = 0.053
"""Seconds; no multiple of it is near the tick for long."""
TICK_EVERY = 0.5


class Place(NamedTuple):
    """The row of the cursor among all rows."""

    row: int
    rows: int


def _place(grid: Grid) -> Place:
    viewport = grid._viewport
    return Place(viewport.index, len(viewport.outline.keys))


class GridSide:
    name = "grid"

    def __init__(self, frames: Sequence[Snapshot]) -> None:
        self.grid = Grid()
        self.app = TableApp(self.grid)
        self._frames = itertools.cycle(frames)

    def tick(self) -> None:
        self.grid.show(FleetRows(next(self._frames)))

    @property
    def cursor(self) -> object:
        return self.grid.cursor

    @property
    def place(self) -> Place:
        return _place(self.grid)


class ScreenSide:
    name = "fleet screen"

    def __init__(self, frames: Sequence[Snapshot]) -> None:
        self.app = Console()
        self._frames = itertools.cycle(frames)

    def tick(self) -> None:
        self.app.deliver(next(self._frames))

    @property
    def cursor(self) -> object:
        screen = self.app.screen
        return screen.grid.cursor if isinstance(screen, FleetScreen) else None

    @property
    def place(self) -> Place:
        screen = self.app.screen
        return _place(screen.grid) if isinstance(screen, FleetScreen) else Place(0, 0)


class TableSide:
    name = "DataTable"

    def __init__(self, frames: Sequence[Snapshot]) -> None:
        self.data_table: DataTable[str] = DataTable(cursor_type="row")
        self.app = TableApp(self.data_table)
        # The texts are made beforehand: only the table itself is measured.
        self._frames = itertools.cycle([_texts(frame) for frame in frames])
        self._filled = False

    def tick(self) -> None:
        rows = next(self._frames)
        if not self._filled:
            self._filled = True
            for column in COLUMNS:
                self.data_table.add_column(column.title, width=column.width, key=column.id)
            for key, texts in rows.items():
                self.data_table.add_row(*texts, key=key)
            return
        for key, texts in rows.items():
            for column, text in zip(COLUMNS, texts, strict=True):
                self.data_table.update_cell(key, column.id, text)

    @property
    def cursor(self) -> object:
        return self.data_table.cursor_coordinate

    @property
    def place(self) -> Place:
        return Place(self.data_table.cursor_row, self.data_table.row_count)


def _texts(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    rows = FleetRows(snapshot)
    keys = [key for group in rows.groups for key in (group.key, *group.children)]
    return {
        key: tuple(
            "".join(span.text for span in cell.draw(column.width, column.align, UNICODE))
            for column, cell in zip(COLUMNS, rows.row(key).cells, strict=True)
        )
        for key in keys
    }


Side = GridSide | ScreenSide | TableSide


class CoreWaits:
    """The time in which this thread was ready to run and other programs had the cores, looked at now and then."""

    def __init__(self, now: Callable[[], float], waited: Callable[[], float] = waited_seconds) -> None:
        self._now, self._waited = now, waited
        self._seen = [(now(), waited())]

    def look(self) -> None:
        """Look: the more often, the better is known when it waited."""
        self._seen.append((self._now(), self._waited()))

    def since(self, moment: float) -> float:
        """Return the seconds from a moment to the last look; between two looks it waited evenly."""
        total = 0.0
        for (before, was), (after, has) in pairwise(self._seen):
            if after > moment:
                total += (has - was) * (1.0 if before >= moment else (after - moment) / (after - before))
        return total


async def latencies(side: Side, keys: int) -> list[float]:
    """Milliseconds from key to paint, while every cell changes at each tick.

    Without the time in which other programs had the cores: the slowest of a hundred keys would say how busy the machine
    was, and two runs would disagree eightfold.
    """
    app = side.app
    loop = asyncio.get_running_loop()
    out: list[float] = []
    async with app.run_test(size=SIZE, headless=False) as pilot:
        await pilot.pause(0.2)
        side.tick()
        if isinstance(app, TableApp):
            app.table.focus()
        await pilot.pause(0.3)
        painted = asyncio.Event()
        before: object = None
        waits = CoreWaits(loop.time)

        def tick() -> None:
            waits.look()
            side.tick()
            waits.look()

        def on_write() -> None:
            waits.look()
            if side.cursor != before:
                painted.set()

        app.on_write = on_write
        ticking = asyncio.create_task(every(TICK_EVERY, tick))
        due = loop.time() + 0.1
        key = "down"
        for _ in range(keys):
            before, place = side.cursor, side.place
            # At an end of the table a key would paint nothing: rows that are alike are one, and there may be few.
            key = "up" if place.row >= place.rows - 1 else "down" if place.row == 0 else key
            painted.clear()
            loop.call_at(due, waits.look)
            loop.call_at(due, press, app, key)
            await asyncio.wait_for(painted.wait(), 30)
            waits.look()
            out.append((loop.time() - due - waits.since(due)) * 1e3)
            # After a late paint the next key waits for its turn: one key at a time is under way.
            while due <= loop.time():
                due += KEY_EVERY
        ticking.cancel()
        app.on_write = lambda: None
    return out


async def cpu_of_a_tick(side: Side, ticks: int) -> float:
    """Milliseconds of CPU per tick with every cell changed, painting included."""
    async with side.app.run_test(size=SIZE, headless=False) as pilot:
        await pilot.pause(0.2)
        side.tick()
        await pilot.pause(0.2)
        start = time.process_time()
        for _ in range(ticks):
            side.tick()
            await pilot.pause(0.05)
        return (time.process_time() - start) * 1e3 / ticks
