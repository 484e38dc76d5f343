"""The grid in narrow, wide, colourless and ASCII terminals, with names from hostile places."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from fleet.model.quantity import Quantity, Unit
from tests.fleets import make_snapshot
from tests.widgets.rows import COLUMNS, FlatRows, FleetRows
from tests.widgets.stage import on_stage, settled
from themes.glyphs import ASCII, UNICODE
from themes.look import Look
from themes.palette import DARK, Role
from widgets.grid import Grid, GridColumn
from widgets.grid.columns import ColumnPage, Placed, pages
from widgets.grid.drawing import head_line
from widgets.values import number_text


@given(
    st.lists(
        st.builds(
            GridColumn,
            id=st.uuids().map(str),
            title=st.just("T"),
            width=st.integers(1, 30),
            priority=st.integers(0, 9),
            grow=st.integers(0, 3),
            widest=st.integers(0, 60),
        ),
        max_size=20,
    ),
    st.integers(0, 260),
)
def test_every_column_is_on_a_page_and_every_page_fits(columns: list[GridColumn], width: int) -> None:
    laid = pages(columns, width)
    shown = [placed.index for page in laid for placed in page.placed]
    assert set(shown) == set(range(len(columns)))
    for page in laid:
        indices = [placed.index for placed in page.placed]
        assert indices == sorted(set(indices))
        used = sum(p.width for p in page.placed) + page.gap * max(0, len(page.placed) - 1)
        assert used + page.spare == width or used >= width
        if columns and width >= columns[0].width + max(c.width for c in columns) + page.gap:
            assert used <= width
            assert all(p.width >= p.column.width for p in page.placed)
            assert all(p.width <= max(p.column.width, p.column.widest) for p in page.placed)


def test_the_first_page_keeps_what_has_priority() -> None:
    first = pages(COLUMNS, 79)[0]
    shown = {placed.column.id for placed in first.placed}
    assert {"name", "ready", "requests_waiting", "requests_running", "ttft_p95", "kv"} <= shown
    assert "trend" not in shown


@pytest.mark.parametrize(("width", "height"), [(40, 10), (80, 24), (120, 40), (250, 70), (1, 1), (3, 2)])
async def test_lines_are_as_wide_as_the_screen(width: int, height: int) -> None:
    grid = Grid()
    async with on_stage(grid, size=(width, height)) as (_, pilot):
        grid.show(FleetRows(make_snapshot(6, 12)))
        await settled(pilot)
        assert len(grid.shown_text) == height
        assert {cell_len(text) for text in grid.shown_text} == {width}


async def test_what_does_not_fit_is_one_key_to_the_right() -> None:
    grid = Grid()
    async with on_stage(grid, size=(80, 24)) as (_, pilot):
        grid.show(FleetRows(make_snapshot(4, 6)))
        await settled(pilot)
        assert "1/2→" in grid.shown_text[0]
        assert "↓WAIT" in grid.shown_text[0]
        assert "15 MIN" not in grid.shown_text[0]
        await pilot.press("right")
        assert "15 MIN" in grid.shown_text[0]
        assert "←2/2" in grid.shown_text[0]
        assert "llama-70b" in grid.shown_text[1]
        await pilot.press("right", "left")
        assert "1/2→" in grid.shown_text[0]


@pytest.mark.parametrize(
    ("words", "width", "title"),
    [
        ("MODEL · WORKLOAD", 30, "MODEL · WORKLOAD 1/2→"),
        ("MODEL · WORKLOAD", 22, "MODEL 1/2→"),
        ("MODEL · WORKLOAD", 12, "MOD… 1/2→"),
        ("WHEN (UTC)", 19, "WHEN (UTC) 1/2→"),
        ("WHEN (UTC)", 17, "WHEN 1/2→"),
    ],
)
def test_a_title_that_is_too_long_loses_its_second_part_before_it_is_cut(words: str, width: int, title: str) -> None:
    column = GridColumn("name", words, width, align="left")
    page = ColumnPage((Placed(0, column, width),), gap=1)
    text = "".join(span.text for span in head_line(page, 0, 2, None, UNICODE).spans)
    assert len(text) == width
    assert " ".join(text.split()) == " ".join(title.split())


async def test_a_storm_of_resizes_ends_well() -> None:
    grid = Grid()
    async with on_stage(grid, size=(120, 40)) as (_, pilot):
        grid.show(FleetRows(make_snapshot(6, 12)))
        await pilot.press("G")
        cursor = grid.cursor
        for width, height in ((40, 10), (250, 70), (1, 1), (79, 3), (200, 50), (40, 5), (80, 24)):
            await pilot.resize_terminal(width, height)
            grid.show(FleetRows(make_snapshot(6, 12)))
        await settled(pilot)
        assert grid.cursor == cursor
        assert {cell_len(text) for text in grid.shown_text} == {80}
        assert len(grid.shown_text) == 24
        assert cursor is not None
        assert cursor in grid.visible_keys


COLOUR_CODE = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


async def test_no_color_writes_no_colour_and_every_state_has_its_glyph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    chosen = Look(no_color=True)
    grid = await _shown(chosen)
    written = "".join(grid[1])
    assert COLOUR_CODE.search(written) is None
    assert "\x1b[7m" in written, "the cursor is seen without colour"
    assert {"■", "▲", "◐", "●", "‖", "?"} <= {glyph for text in grid[0] for glyph in text}


async def test_ascii_writes_nothing_else() -> None:
    texts, written = await _shown(Look(glyphs=ASCII))
    assert "".join(texts).isascii()
    assert "".join(written).isascii()
    assert {"X", "!", "s", "o", "z", "?"} <= {glyph for text in texts for glyph in text}


async def _shown(chosen: Look) -> tuple[list[str], list[str]]:
    from themes.look import use

    use(chosen)
    grid = Grid()
    async with on_stage(grid) as (app, pilot):
        grid.show(FleetRows(make_snapshot(6, 12)))
        await settled(pilot)
        return grid.shown_text, app.written


async def test_a_stale_value_is_drawn_as_stale() -> None:
    grid = Grid()
    async with on_stage(grid) as (_, pilot):
        snapshot = make_snapshot(1, 12)
        grid.show(FleetRows(snapshot))
        await settled(pilot)
        stale = next(key for key, state in zip(snapshot.by_pod.keys, snapshot.by_pod.states, strict=True) if state == 2)
        y = grid.visible_keys.index(stale) + 1
        segments = list(grid._strips[y])
        running = number_text(snapshot.by_pod.value(stale, Quantity.RUNNING), Unit.COUNT)
        assert any(segment.style == DARK.style(Role.STALE) and running in segment.text for segment in segments)


HOSTILE = (
    "[red]not markup[/red]",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07x",
    "模型-大-推理-服务-中文名字-很长很长",
    "emoji-🚀👩‍👩‍👧-☀️",
    "rtl-\u202eevil\u202c",
    "combining-e\u0301",
    "c1-\x9b31mred",
    "nul\x00bell\x07back\x08",
    "\ud800lone",
)


@pytest.mark.parametrize("width", [40, 80])
async def test_hostile_names_are_drawn_and_do_nothing(width: int) -> None:
    grid = Grid()
    async with on_stage(grid, size=(width, 20)) as (app, pilot):
        grid.show(FlatRows(*HOSTILE))
        await settled(pilot)
        assert {cell_len(text) for text in grid.shown_text} == {width}
        assert "[red]not markup[/red]" in grid.shown_text[1]
        assert "redx" in grid.shown_text[2]
        text = "".join(grid.shown_text)
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
        written = "".join(app.written)
        assert "\x1b]0" not in written
        assert "\x1b[31m" not in written
