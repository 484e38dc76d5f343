"""B5 and B6: from the key to the paint while everything changes, and bytes per tick; against Textual's DataTable.

All draw the same fleet of one workload with all its pods below it, at 120×40, and get a new value in every cell twice
a second: the grid alone, the console's fleet screen, and the DataTable alone. Keys are pressed at moments fixed
beforehand; the latency is from that moment (not from when the event loop came round to it) to the write that shows the
cursor on its new row.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.widgets import DataTable

from console.screens.fleet import FleetScreen
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from tests.benchmarks.drawing import SIZE, Console, TableApp, common_terminal, every, press
from tests.benchmarks.effort import Effort
from tests.benchmarks.result import Report, Result, percentile, ratios
from tests.fleets import make_snapshot, with_value
from tests.widgets.rows import COLUMNS, FleetRows
from themes.glyphs import UNICODE
from widgets.grid import Grid

IDS = ("B5", "B6")
KEYS = 40
KEY_EVERY = 0.083
"""Seconds; no multiple of it is near the tick for long."""
TICK_EVERY = 0.5
TICKS = 8
"""Whose CPU is taken together."""
_OTHERS = 30.0
"""Seconds for what a DataTable of 5,000 pods keeps a terminal waiting, and for all that starts: for the plan."""


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
        self.app = TableApp(self.grid)
        self._frames = itertools.cycle(frames)

    def tick(self) -> None:
        self.grid.show(FleetRows(next(self._frames)))

    @property
    def cursor(self) -> object:
        return self.grid.cursor


class _ScreenSide:
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


class _TableSide:
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


async def _latencies(side: _Side, keys: int) -> list[float]:
    """Milliseconds from key to paint, while every cell changes at each tick."""
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

        def on_write() -> None:
            if side.cursor != before:
                painted.set()

        app.on_write = on_write
        ticking = asyncio.create_task(every(TICK_EVERY, side.tick))
        due = loop.time() + 0.1
        for _ in range(keys):
            before = side.cursor
            painted.clear()
            loop.call_at(due, press, app, "down")
            await asyncio.wait_for(painted.wait(), 30)
            out.append((loop.time() - due) * 1e3)
            # After a late paint the next key waits for its turn: one key at a time is under way.
            while due <= loop.time():
                due += KEY_EVERY
        ticking.cancel()
        app.on_write = lambda: None
    return out


async def _bytes_of_a_tick(first: Snapshot, second: Snapshot) -> float:
    """Bytes that the grid writes when ``second`` follows ``first``."""
    grid = Grid()
    app = TableApp(grid)
    async with app.run_test(size=SIZE, headless=False) as pilot:
        grid.show(FleetRows(first))
        await pilot.pause(0.2)
        app.bytes_written = 0
        grid.show(FleetRows(second))
        await pilot.pause(0.2)
        return float(app.bytes_written)


async def _cpu_of_a_tick(side: _Side, ticks: int) -> float:
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


def seconds(effort: Effort) -> float:
    side = effort.rounds(KEYS) * KEY_EVERY + 2.5
    return effort.rounds() * 2 * len(_SIDES) * side + effort.seconds(_OTHERS)


_SIDES: tuple[type[_Side], ...] = (_GridSide, _ScreenSide, _TableSide)


def run(effort: Effort) -> list[Report]:
    """Each in turns."""
    common_terminal()
    few, many = effort.pods(1_000), effort.pods(5_000)
    small, large = _of_size(few, effort), _of_size(many, effort)
    return [
        *small.reports(few),
        *large.reports(many),
        Result(
            "B5", f"key to paint p99, grid: {many} / {few} pods", ratios(large.p99["grid"], small.p99["grid"]), "×", 1.6
        ),
        Result(
            "B5",
            f"CPU per tick, fleet screen: {many} / {few} pods",
            ratios(large.cpu["fleet screen"], small.cpu["fleet screen"]),
            "×",
            goal=1.3,
        ),
        *_bytes(),
    ]


@dataclass(frozen=True, slots=True)
class _Measured:
    """By side, a sample per round: milliseconds."""

    p99: dict[str, tuple[float, ...]]
    cpu: dict[str, tuple[float, ...]]

    def reports(self, pods: int) -> list[Report]:
        screen, grid, table = (self.p99[name] for name in ("fleet screen", "grid", "DataTable"))
        what = f"key to paint p99, {pods} pods"
        return [
            Result("B5", f"{what}: DataTable", table, "ms"),
            Result("B5", f"{what}: grid", grid, "ms"),
            Result("B5", f"{what}: grid / DataTable", ratios(grid, table), "×", 0.2),
            Result("B5", f"{what}: fleet screen", screen, "ms", goal=16),
            Result("B5", f"{what}: fleet screen / DataTable", ratios(screen, table), "×", 0.2),
            Result("B5", f"CPU per tick, {pods} pods: fleet screen", self.cpu["fleet screen"], "ms"),
            Result(
                "B5",
                f"CPU per tick, {pods} pods: grid / DataTable",
                ratios(self.cpu["grid"], self.cpu["DataTable"]),
                "×",
            ),
        ]


def _of_size(pods: int, effort: Effort) -> _Measured:
    base = make_snapshot(1, pods)
    frames = [base, _every_cell(base, make_snapshot(1, pods, seed=2)), _every_cell(base, make_snapshot(1, pods, 3))]
    rounds = [
        {
            side.name: (
                percentile(asyncio.run(_latencies(side(frames), effort.rounds(KEYS))), 0.99),
                asyncio.run(_cpu_of_a_tick(side(frames), effort.rounds(TICKS))),
            )
            for side in _SIDES
        }
        for _ in range(effort.rounds())
    ]
    names = [side.name for side in _SIDES]
    return _Measured(
        {name: tuple(each[name][0] for each in rounds) for name in names},
        {name: tuple(each[name][1] for each in rounds) for name in names},
    )


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
    return [*out, Result("B6", "bytes, a tenth of the cells / every cell", (tenth / out[-1].median,), "×", 0.7, 0.2)]
