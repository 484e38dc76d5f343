"""The final state of the terminal: partial paints add up to the whole, no matter what was written between them."""

from __future__ import annotations

import random

import pyte
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from tests.fleets import make_snapshot, ticked, without
from tests.widgets.rows import FleetRows
from tests.widgets.stage import Stage, on_stage, settled
from themes.look import look
from themes.palette import DARK, LIGHT
from widgets.grid import Grid
from widgets.header import Header, HeaderModel
from widgets.key_bar import Hint, Keybar


class Terminal:
    """A terminal emulator that is fed what an app writes."""

    def __init__(self, app: Stage) -> None:
        self._app = app
        self._screen = pyte.Screen(*app.size)
        self._stream = pyte.Stream(self._screen)

    @property
    def rows(self) -> list[str]:
        """The text on the screen now."""
        for chunk in self._app.written:
            self._stream.feed(chunk)
        self._app.written.clear()
        return list(self._screen.display)


async def test_the_terminal_shows_what_the_grid_says_after_any_sequence_of_ticks_and_keys() -> None:
    grid = Grid()
    rng = random.Random(7)
    snapshot = make_snapshot(5, 30)
    async with on_stage(Header(HeaderModel("prod")), grid, Keybar(Hint("?", "help")), size=(100, 20)) as (app, pilot):
        terminal = Terminal(app)
        app.screen.refresh()
        await settled(pilot)
        for step in range(60):
            match rng.randrange(5):
                case 0:
                    snapshot = ticked(snapshot, rng.choice((0.0, 0.01, 0.2, 1.0)), step)
                case 1:
                    snapshot = without(snapshot, rng.choice(list(snapshot.pods)))
                case 2:
                    await pilot.press(rng.choice(("j", "k", "G", "g", "ctrl+f", "ctrl+b", "right", "left")))
                case 3:
                    await pilot.press(rng.choice(("space", "plus", "right_curly_bracket", "left_curly_bracket")))
                case _:
                    order = list(snapshot.workloads)
                    rng.shuffle(order)
                    grid.show(FleetRows(snapshot, order))
            grid.show(FleetRows(snapshot))
            await settled(pilot)
            assert terminal.rows[1:-1] == grid.shown_text, f"step {step}"
        assert terminal.rows[0].startswith(" prod")
        assert terminal.rows[-1].rstrip().endswith("? help")


class Question(ModalScreen[None]):
    def compose(self) -> ComposeResult:
        yield Static("really?")


async def test_a_tick_behind_a_dialog_is_there_when_the_dialog_is_gone() -> None:
    grid = Grid()
    snapshot = make_snapshot(1, 10)
    async with on_stage(grid, size=(100, 14)) as (app, pilot):
        terminal = Terminal(app)
        grid.show(FleetRows(snapshot))
        app.push_screen(Question())
        await settled(pilot)
        grid.show(FleetRows(ticked(snapshot)))
        await settled(pilot)
        assert any("really?" in row for row in terminal.rows)
        app.pop_screen()
        await settled(pilot)
        assert terminal.rows == grid.shown_text


async def test_a_grid_that_was_hidden_shows_the_newest_tick() -> None:
    grid = Grid()
    snapshot = make_snapshot(1, 10)
    async with on_stage(grid, size=(100, 14)) as (app, pilot):
        terminal = Terminal(app)
        grid.show(FleetRows(snapshot))
        grid.display = False
        await settled(pilot)
        grid.show(FleetRows(ticked(snapshot)))
        grid.display = True
        await settled(pilot)
        assert terminal.rows == grid.shown_text
        shown = list(grid.shown_text)
        assert grid.show(FleetRows(ticked(snapshot))) == 0
        assert grid.shown_text == shown


async def test_another_theme_draws_everything_in_its_own_colours() -> None:
    grid = Grid()
    async with on_stage(grid, size=(100, 14)) as (app, pilot):
        assert look().theme == "quarterdeck-dark"
        grid.show(FleetRows(make_snapshot(1, 12)))
        await settled(pilot)
        styles = {segment.style for strip in grid._strips for segment in strip}
        assert set(DARK.styles.values()) & styles
        app.theme = "quarterdeck-light"
        await settled(pilot)
        styles = {segment.style for strip in grid._strips for segment in strip}
        only_light = set(LIGHT.styles.values()) - set(DARK.styles.values())
        assert only_light & styles
        assert not (set(DARK.styles.values()) - set(LIGHT.styles.values())) & styles


async def test_a_theme_with_a_background_of_its_own_paints_it_everywhere() -> None:
    grid = Grid()
    async with on_stage(grid, size=(100, 14)) as (app, pilot):
        app.ansi_color = False
        app.theme = "nord"
        grid.show(FleetRows(make_snapshot(1, 12)))
        await settled(pilot)
        assert all(segment.style and segment.style.bgcolor for strip in grid._strips for segment in strip)
