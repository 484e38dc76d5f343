"""The cost of a tick on the first screen: changes are drawn, and drawn once."""

from __future__ import annotations

from array import array
from dataclasses import replace

import pytest

from console.views.fleet import FleetModel
from fleet.model.frame import Column
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment
from tests.console.screens.desk import desk
from tests.console.screens.worst import WORST
from tests.fleets import NOW, make_snapshot, ticked, with_value
from widgets.grid import GridRow


async def test_an_unchanged_tick_writes_nothing() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot) as d:
        again = replace(snapshot, sequence=2, at=NOW + 2, measured_at=NOW)
        assert await d.deliver(again) == 0


async def test_numbers_that_only_got_older_are_drawn_again_where_they_are_stale_alone() -> None:
    snapshot = make_snapshot(4, 12)
    older = replace(snapshot, sequence=2, by_pod=replace(snapshot.by_pod, since=7.0))
    async with desk(snapshot) as d:
        stale = [k for k in d.grid.visible_keys if snapshot.by_pod.get(k, Quantity.RUNNING).state is State.STALE]
        before = d.grid.cells_drawn
        await d.deliver(older)
        assert stale
        assert 0 < d.grid.cells_drawn - before <= 12 * len(stale)
        before = d.grid.cells_drawn
        await d.deliver(replace(older, sequence=3))
        assert d.grid.cells_drawn == before


async def test_a_tick_with_nothing_new_makes_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = make_snapshot()
    made: list[str] = []
    row = FleetModel.row

    def noted(self: FleetModel, key: str) -> GridRow:
        made.append(key)
        return row(self, key)

    monkeypatch.setattr(FleetModel, "row", noted)
    async with desk(snapshot) as d:
        assert made
        made.clear()
        later = replace(snapshot, sequence=2, at=NOW + 2, measured_at=NOW + 2)
        await d.deliver(replace(later, by_workload=replace(later.by_workload, since=2.0)))
        assert made == []
        pod = next(key for key in d.grid.visible_keys if snapshot.by_pod.get(key, Quantity.RUNNING).known)
        await d.deliver(with_value(later, pod, Quantity.RUNNING, 61.5))
        assert "61.5" in d.text
        await d.deliver(replace(snapshot, sequence=4, at=NOW + 600))
        assert "61.5" not in d.text


async def test_a_tick_in_which_another_workload_is_worst_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_snapshot()
    calm = {key: Assessment(Severity.OK) for key in first.assessments}
    other = next(key for key in first.model_of if key != WORST)
    async with desk(first) as d:
        assert d.grid.cursor == WORST
        drawn: list[str | None] = []
        redraw = d.grid.redraw

        def noted() -> int:
            drawn.append(d.grid.cursor)
            return redraw()

        monkeypatch.setattr(d.grid, "redraw", noted)
        await d.deliver(replace(first, sequence=2, assessments=calm | {other: Assessment(Severity.CRITICAL, "down")}))
        assert d.grid.cursor == other
        assert drawn == [other]


async def test_a_tick_that_changes_one_row_writes_less_than_a_kilobyte() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot) as d:
        frame = snapshot.by_pod
        pod = next(k for k in d.grid.visible_keys if k in snapshot.pods and frame.get(k, Quantity.RUNNING).known)
        running = array("d", frame.columns[Quantity.RUNNING].values)
        running[frame.index[pod]] = 77.0
        columns = dict(frame.columns) | {Quantity.RUNNING: Column(running)}
        written = await d.deliver(replace(snapshot, by_pod=replace(frame, columns=columns)))
        assert " 77 " in d.line_with(pod[-9:])
        assert 0 < written < 1024


async def test_only_the_newest_of_several_snapshots_is_drawn() -> None:
    first = make_snapshot()
    async with desk(first) as d:
        assert d.session.deliver is not None
        drawn = d.fleet.grid.lines_drawn
        for i in range(50):
            d.session.deliver(replace(ticked(first, seed=i), at=NOW + 60 * i))
        await d.settle()
        assert d.desk.snapshot is not None
        assert d.desk.snapshot.at == NOW + 60 * 49
        assert d.fleet.grid.lines_drawn - drawn <= 3 * len(d.grid.visible_keys)
