"""B5 and B6: from the key to the paint while everything changes, and bytes per tick; against Textual's DataTable.

All draw the same fleet of one workload with all its pods below it, at 120×40, and get a new value in every cell twice
a second: the grid alone, the console's fleet screen, and the DataTable alone. Keys are pressed at moments fixed
beforehand; the latency is from that moment (not from when the event loop came round to it) to the write that shows the
cursor on its new row.
"""

from __future__ import annotations

import asyncio
import random
from array import array
from dataclasses import dataclass, replace

from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from tests.benchmarks.collecting import collected_rarely
from tests.benchmarks.drawing import SIZE, TableApp, common_terminal
from tests.benchmarks.effort import Effort
from tests.benchmarks.result import Report, Result, percentile, ratios
from tests.benchmarks.sides import KEY_EVERY, GridSide, ScreenSide, Side, TableSide, cpu_of_a_tick, latencies
from tests.fleets import make_snapshot, with_value
from tests.widgets.rows import FleetRows
from widgets.grid import Grid

IDS = ("B5", "B6")
KEYS = 60
"""Keys of a round."""
TICKS = 8
"""Number of ticks whose CPU time is added up."""
_SIDES: tuple[type[Side], ...] = (GridSide, ScreenSide, TableSide)
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


def seconds(effort: Effort) -> float:
    side = effort.rounds(KEYS) * KEY_EVERY + 2.5
    return effort.rounds() * 2 * len(_SIDES) * side + effort.seconds(_OTHERS)


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
    """Milliseconds by side: the percentile of the keys of all rounds together, of which one stall is not the 99th, and
    the CPU of each round.
    """

    p99: dict[str, tuple[float]]
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
    delays: dict[str, list[float]] = {side.name: [] for side in _SIDES}
    cpu: dict[str, list[float]] = {side.name: [] for side in _SIDES}
    with collected_rarely():
        for _ in range(effort.rounds()):
            for side in _SIDES:
                delays[side.name] += asyncio.run(latencies(side(frames), effort.rounds(KEYS)))
                cpu[side.name].append(asyncio.run(cpu_of_a_tick(side(frames), effort.rounds(TICKS))))
    return _Measured(
        {name: (percentile(each, 0.99),) for name, each in delays.items()},
        {name: tuple(each) for name, each in cpu.items()},
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
