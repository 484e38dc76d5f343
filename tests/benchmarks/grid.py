"""B5 and B6: from the key to the paint while everything changes, and bytes per tick; against Textual's DataTable.

All draw the same fleet of one workload with all its pods below it, at 120×40, and get a new value in every cell twice
a second: the grid alone, the console's fleet screen, and the DataTable alone. Keys are pressed at moments fixed
beforehand; the latency is from that moment (not from when the event loop came round to it) to the write that shows the
cursor on its new row.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace

from textual import events
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.widget import Widget
from textual.widgets import DataTable

from console.app.app import QuarterdeckApp
from console.screens.fleet import FleetScreen
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from tests.benchmarks.result import Report, Result, percentile, ratios
from tests.console.screens.scripted import ScriptedSession
from tests.fleets import make_snapshot, with_value
from tests.widgets.rows import COLUMNS, FleetRows
from themes.glyphs import UNICODE
from themes.textual_themes import register
from widgets.grid import Grid

IDS = ("B5", "B6")
SIZE = (120, 40)
ROUNDS = 3
KEYS = 40
KEY_EVERY = 0.083
"""Seconds; no multiple of it is near the tick for long."""
TICK_EVERY = 0.5


class _Counted:
    """What is counted of an app, whichever it is."""

    bytes_written = 0
    on_write: Callable[[], None] = staticmethod(lambda: None)


class _Terminal(HeadlessDriver):
    """Counts what it is given and calls back at each write."""

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        assert isinstance(self._app, _Counted)
        self._app.bytes_written += len(data.encode())
        self._app.on_write()


class _Console(_Counted, QuarterdeckApp):
    """The console, without sources of its own."""

    def __init__(self) -> None:
        super().__init__(ScriptedSession())
        self.driver_class = _Terminal


class _Bench(_Counted, App[None]):
    """An app around one table."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, table: Widget) -> None:
        super().__init__(driver_class=_Terminal, ansi_color=True)
        self.table = table
        register(self)
        self.theme = "quarterdeck-dark"

    def compose(self) -> Sequence[Widget]:
        return [self.table]


def _press(app: App[None], key: str) -> None:
    event = events.Key(key, None)
    event.set_sender(app)
    app.post_message(event)


def _every_cell(snapshot: Snapshot, other: Snapshot) -> Snapshot:
    """The fleet of one snapshot with the numbers of another."""
    return replace(
        snapshot,
        by_pod=replace(snapshot.by_pod, columns=other.by_pod.columns),
        by_workload=replace(snapshot.by_workload, columns=other.by_workload.columns),
    )


def _some_cells(snapshot: Snapshot, other: Snapshot, share: float) -> Snapshot:
    """The fleet of one snapshot with a ``share`` of the pods' numbers, chosen at random, from another."""
    rng = random.Random(1)
    columns = dict(snapshot.by_pod.columns)
    for quantity, column in columns.items():
        theirs = other.by_pod.columns[quantity].values
        mixed = array("d", (t if rng.random() < share else o for o, t in zip(column.values, theirs, strict=True)))
        columns[quantity] = replace(column, values=mixed)
    return replace(snapshot, by_pod=replace(snapshot.by_pod, columns=columns))


class _GridSide:
    name = "grid"

    def __init__(self, frames: Sequence[Snapshot]) -> None:
        self.grid = Grid()
        self.app = _Bench(self.grid)
        self._frames = itertools.cycle(frames)

    def tick(self) -> None:
        self.grid.show(FleetRows(next(self._frames)))

    @property
    def cursor(self) -> object:
        return self.grid.cursor


class _ScreenSide:
    name = "fleet screen"

    def __init__(self, frames: Sequence[Snapshot]) -> None:
        self.app = _Console()
        self._frames = itertools.cycle(frames)

    def tick(self) -> None:
        self.app.deliver(next(self._frames))

    @property
    def cursor(self) -> object:
        screen = self.app.screen
        return screen.grid.cursor if isinstance(screen, FleetScreen) else None


class _TableSide:
    name = "DataTable"

    def __init__(self, frames: Sequence[Snapshot]) -> None:
        self.data_table: DataTable[str] = DataTable(cursor_type="row")
        self.app = _Bench(self.data_table)
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


_Side = _GridSide | _ScreenSide | _TableSide


async def _latencies(side: _Side) -> list[float]:
    """Milliseconds from key to paint, while every cell changes at each tick."""
    app = side.app
    loop = asyncio.get_running_loop()
    out: list[float] = []
    async with app.run_test(size=SIZE, headless=False) as pilot:
        await pilot.pause(0.2)
        side.tick()
        if isinstance(app, _Bench):
            app.table.focus()
        await pilot.pause(0.3)
        painted = asyncio.Event()
        before: object = None

        def on_write() -> None:
            if side.cursor != before:
                painted.set()

        app.on_write = on_write
        ticking = asyncio.create_task(_every(TICK_EVERY, side.tick))
        due = loop.time() + 0.1
        for _ in range(KEYS):
            before = side.cursor
            painted.clear()
            loop.call_at(due, _press, app, "down")
            await asyncio.wait_for(painted.wait(), 30)
            out.append((loop.time() - due) * 1e3)
            # After a late paint the next key waits for its turn: one key at a time is under way.
            while due <= loop.time():
                due += KEY_EVERY
        ticking.cancel()
        app.on_write = lambda: None
    return out


async def _every(seconds: float, do: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(seconds)
        do()


async def _bytes_of_a_tick(first: Snapshot, second: Snapshot) -> float:
    """Bytes that the grid writes when ``second`` follows ``first``."""
    grid = Grid()
    app = _Bench(grid)
    async with app.run_test(size=SIZE, headless=False) as pilot:
        grid.show(FleetRows(first))
        await pilot.pause(0.2)
        app.bytes_written = 0
        grid.show(FleetRows(second))
        await pilot.pause(0.2)
        return float(app.bytes_written)


async def _cpu_of_a_tick(side: _Side, ticks: int = 8) -> float:
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


def run() -> list[Report]:
    """Each in turns."""
    # Bytes depend on the colours; wherever this runs, they are those of a common terminal.
    os.environ.update(TERM="xterm-256color")
    os.environ.pop("NO_COLOR", None)
    out: list[Report] = []
    grid_p99: dict[int, list[float]] = {}
    for pods in (1_000, 5_000):
        base = make_snapshot(1, pods)
        frames = [base, _every_cell(base, make_snapshot(1, pods, seed=2)), _every_cell(base, make_snapshot(1, pods, 3))]
        sides: tuple[type[_Side], ...] = (_GridSide, _ScreenSide, _TableSide)
        p99: dict[str, list[float]] = {side.name: [] for side in sides}
        cpu: dict[str, list[float]] = {side.name: [] for side in sides}
        for _ in range(ROUNDS):
            for side in sides:
                p99[side.name].append(percentile(asyncio.run(_latencies(side(frames))), 0.99))
                cpu[side.name].append(asyncio.run(_cpu_of_a_tick(side(frames))))
        grid_p99[pods] = p99["grid"]
        p99_ratios = ratios(p99["grid"], p99["DataTable"])
        out += [
            Result("B5", f"key to paint p99, {pods} pods: DataTable", tuple(p99["DataTable"]), "ms"),
            Result("B5", f"key to paint p99, {pods} pods: grid", tuple(p99["grid"]), "ms"),
            Result("B5", f"key to paint p99, {pods} pods: grid / DataTable", p99_ratios, "×", 0.2),
            Result("B5", f"key to paint p99, {pods} pods: fleet screen", tuple(p99["fleet screen"]), "ms"),
            Result(
                "B5",
                f"key to paint p99, {pods} pods: fleet screen / DataTable",
                ratios(p99["fleet screen"], p99["DataTable"]),
                "×",
                0.2,
            ),
            Result("B5", f"CPU per tick, {pods} pods: fleet screen", tuple(cpu["fleet screen"]), "ms"),
            Result("B5", f"CPU per tick, {pods} pods: grid / DataTable", ratios(cpu["grid"], cpu["DataTable"]), "×"),
        ]
    out.append(Result("B5", "key to paint p99: 5000 / 1000 pods", ratios(grid_p99[5_000], grid_p99[1_000]), "×", 1.6))
    return out + _bytes()


def _bytes() -> list[Result]:
    base = make_snapshot(1, 60)
    other = make_snapshot(1, 60, seed=2)
    everything = _every_cell(base, other)
    one = with_value(base, next(iter(base.pods)), Quantity.RUNNING, 63.5)
    measured = [
        ("unchanged tick", base, 0.0),
        ("one row changed", one, 1023.0),
        ("every cell changed", everything, 14.0 * 1024),
    ]
    out = [
        Result("B6", f"bytes, {what}", (asyncio.run(_bytes_of_a_tick(base, after)),), "B", budget)
        for what, after, budget in measured
    ]
    tenth = asyncio.run(_bytes_of_a_tick(base, _some_cells(base, other, 0.1)))
    return [*out, Result("B6", "bytes, a tenth of the cells / every cell", (tenth / out[-1].median,), "×", 0.7)]
