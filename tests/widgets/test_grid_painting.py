"""Bytes that the grid writes to the terminal, counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from console.views.row_cells import Cells
from fleet.model.quantity import Quantity
from tests.fleets import make_snapshot, ticked, with_value
from tests.widgets.rows import FleetRows
from tests.widgets.stage import on_stage, settled, size_of
from widgets.cells import Cell, Text, Trend
from widgets.grid import Grid, GridColumn, GridRow, RowGroup, Sort
from widgets.strip_chart import ChartScale


async def test_an_unchanged_tick_writes_nothing_and_draws_nothing() -> None:
    grid = Grid()
    snapshot = make_snapshot(6, 12)
    async with on_stage(grid) as (app, pilot):
        grid.show(FleetRows(snapshot))
        await settled(pilot)
        app.written.clear()
        drawn = grid.lines_drawn
        assert grid.show(FleetRows(make_snapshot(6, 12))) == 0
        await settled(pilot)
        assert app.written == []
        assert grid.lines_drawn == drawn


async def test_one_changed_row_costs_one_line_of_less_than_a_kilobyte() -> None:
    grid = Grid()
    snapshot = make_snapshot(6, 12)
    async with on_stage(grid) as (app, pilot):
        grid.show(FleetRows(snapshot))
        await settled(pilot)
        app.written.clear()
        drawn = grid.lines_drawn
        cells = grid.cells_drawn
        pod = grid.visible_keys[2]
        assert grid.show(FleetRows(with_value(snapshot, pod, Quantity.RUNNING, 63.5))) == 1
        await settled(pilot)
        assert "63.5" in grid.shown_text[3]
        assert grid.lines_drawn == drawn + 1
        assert grid.cells_drawn == cells + 1
        assert 0 < size_of(app.written) < 1024


async def test_all_rows_at_120x40_stay_within_14_kilobytes() -> None:
    grid = Grid()
    snapshot = make_snapshot(1, 60)
    async with on_stage(grid) as (app, pilot):
        grid.show(FleetRows(snapshot))
        await settled(pilot)
        app.written.clear()
        refreshed = grid.show(FleetRows(ticked(snapshot)))
        await settled(pilot)
        assert refreshed >= 20
        full = size_of(app.written)
        app.written.clear()
        grid.refresh()
        await settled(pilot)
        assert 0 < full <= 14 * 1024
        assert size_of(app.written) <= 14 * 1024


async def test_cells_of_columns_on_other_pages_are_not_asked_for() -> None:
    grid = Grid()
    made: list[int] = []

    class Lazy(FleetRows):
        def row(self, key: str) -> GridRow:
            row = super().row(key)

            def make(at: int) -> Cell:
                made.append(at)
                return row.cells[at]

            return row._replace(cells=Cells(len(row.cells), make))

    async with on_stage(grid, size=(80, 24)) as (_, pilot):
        grid.show(Lazy(make_snapshot()))
        await settled(pilot)
        first = {*made}
        made.clear()
        await pilot.press("right")
        await settled(pilot)
        assert first & {*made} == {0}, "the name alone is on every page"


@pytest.mark.parametrize("pods", [1_000, 5_000])
async def test_a_tick_asks_for_the_rows_on_the_screen_alone(pods: int) -> None:
    grid = Grid()
    snapshot = make_snapshot(10, pods // 10)
    async with on_stage(grid) as (_, pilot):
        grid.show(FleetRows(snapshot))
        await pilot.press("G", "g", "ctrl+f")
        rows = FleetRows(ticked(snapshot))
        drawn = grid.lines_drawn
        grid.show(rows)
        assert 0 < len(rows.asked) <= 39
        assert grid.lines_drawn - drawn <= 39


async def test_moving_the_cursor_writes_two_lines_and_asks_for_nothing() -> None:
    grid = Grid()
    rows = FleetRows(make_snapshot(6, 12))
    async with on_stage(grid) as (app, pilot):
        grid.show(rows)
        await settled(pilot)
        app.written.clear()
        rows.asked.clear()
        drawn = grid.lines_drawn
        await pilot.press("j")
        await settled(pilot)
        assert grid.lines_drawn == drawn + 2
        assert 0 < size_of(app.written) < 2048
        assert rows.asked == []


class Reasons:
    """A row with a long text beside a strip with so many points."""

    columns = (
        GridColumn("name", "NAME", 10, align="left"),
        GridColumn("why", "WHY", 8, align="left"),
        GridColumn("trend", "TREND", 12, align="left"),
    )
    waiting = ""
    sort: Sort | None = None
    groups: Sequence[RowGroup] = (RowGroup("a"),)

    def __init__(self, points: int) -> None:
        self._points = points

    def row(self, key: str) -> GridRow:
        strip = Trend((1.0,) * self._points, ChartScale(0.0, 1.0))
        return GridRow(key, (Text(key), Text("long prompts stall tokens"), strip))


async def test_a_text_continues_where_the_strip_beside_it_has_no_history_yet() -> None:
    grid = Grid()
    async with on_stage(grid, size=(40, 5)) as (_, pilot):
        seen = []
        for points in (0, 2, 3, 12):
            grid.show(Reasons(points))
            await settled(pilot)
            seen.append(grid.shown_text[1])
        assert [line.count("█") for line in seen] == [0, 2, 3, 12]
        assert [line.rstrip("█ ").rstrip() for line in seen] == [
            "   a       long prompts stall …",
            "   a       long prompts stal…",
            "   a       long prompts sta…",
            "   a       long pr…",
        ], "the strip's points stay where they are"
        assert len({len(line) for line in seen}) == 1


async def test_a_key_that_comes_twice_is_drawn_in_both_places() -> None:
    grid = Grid(open_all=True)
    rows = FleetRows(make_snapshot(2, 3))
    first, second = rows.groups
    rows.groups = [first, RowGroup(second.key, (first.children[0], *second.children))]
    async with on_stage(grid) as (_, pilot):
        grid.show(rows)
        await settled(pilot)
        places = [place for place, key in enumerate(grid.visible_keys, 1) if key == first.children[0]]
        assert len(places) == 2
        one, other = (grid.shown_text[place][5:] for place in places)
        assert one == other != grid.shown_text[places[0] + 1][5:]


class _CountedKeys(tuple[str, ...]):  # noqa: SLOT001 - it counts
    """Keys that count how often somebody goes through all of them."""

    laid_out = 0

    def __iter__(self) -> Iterator[str]:
        self.laid_out += 1
        return super().__iter__()


async def test_the_cursor_lays_out_the_rows_of_a_group_once_and_not_for_every_key() -> None:
    grid = Grid()
    rows = FleetRows(make_snapshot(2, 40))
    first = rows.groups[0]
    keys = _CountedKeys(first.children)
    rows.groups = [RowGroup(first.key, keys), *rows.groups[1:]]
    async with on_stage(grid) as (_, pilot):
        grid.show(rows)
        await settled(pilot)
        assert keys.laid_out == 1
        await pilot.press("j", "j", "ctrl+f", "k", "space", "ctrl+b")
        grid.move_to(keys[3])
        assert keys.laid_out == 1
        await pilot.press("right_curly_bracket", "left_curly_bracket")
        assert keys.laid_out == 2


async def test_a_changed_cell_is_written_up_to_its_right_end_and_no_further() -> None:
    grid = Grid()
    snapshot = make_snapshot(1, 12)
    sizes: list[int] = []
    async with on_stage(grid) as (app, pilot):
        grid.show(FleetRows(snapshot))
        await settled(pilot)
        for quantity, text in ((Quantity.RUNNING, "63.5"), (Quantity.GPU_POWER, "64")):
            app.written.clear()
            grid.show(FleetRows(with_value(snapshot, grid.visible_keys[2], quantity, 63.5)))
            await settled(pilot)
            sizes.append(size_of(app.written))
            assert text in "".join(app.written)
            grid.show(FleetRows(snapshot))
            await settled(pilot)
    near, far = sizes
    assert near + 30 < far
