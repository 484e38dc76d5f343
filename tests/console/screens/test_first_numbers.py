"""First numbers: on the screen before the desk is imported, where the fleet screen has them; that then takes over."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import takewhile

import pytest

from console.app import app as module
from console.app.desk import ConsoleDesk
from console.config.options import Options
from console.screens.first_numbers import FirstNumbers
from console.screens.fleet import FleetScreen
from fleet.model.snapshot import Snapshot
from tests.console.screens.desk import CountedApp, Desk, fleet
from tests.console.screens.scripted import ScriptedSession
from tests.waiting import until
from themes.look import Look, use
from widgets.grid import Grid
from widgets.line_view import LineView

LONG = 3600.0
"""Seconds: more than any test takes."""


@asynccontextmanager
async def not_imported_yet(
    monkeypatch: pytest.MonkeyPatch, *, within: float = LONG, size: tuple[int, int] = (120, 40), view: str = ""
) -> AsyncIterator[Desk]:
    """A console that has just started: nothing of the desk is imported."""
    monkeypatch.setattr(module, "DESK", "not imported yet")
    monkeypatch.setattr(module, "imported", sys.modules.get)
    monkeypatch.setattr(module, "FIRST_WITHIN", within)
    use(Look())
    session = ScriptedSession()
    app = CountedApp(session, Options(read_only=True, view=view))
    async with app.run_test(size=size, headless=False) as pilot:
        yield Desk(app, pilot, session)


def shown(app: CountedApp) -> list[tuple[int, list[str]]]:
    """The lines of the widgets that both screens have, with the row of the terminal that each begins in."""
    head = [app.screen.query_one(name, LineView) for name in ("Header", "#summary")]
    grid = app.screen.query_one(Grid)
    rows = [(one.region.y, one.shown_text) for one in head]
    # Below its rows the fleet screen plots what is under the cursor.
    return [*rows, (grid.region.y, [*takewhile(str.strip, grid.shown_text)])]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_fleet_screen_takes_over_and_no_line_has_moved(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[list[tuple[int, list[str]]]] = []
    async with not_imported_yet(monkeypatch, size=size) as d:
        app, draw = d.app, d.app._draw_first

        def drawn(screen: FirstNumbers, snapshot: Snapshot) -> None:
            draw(screen, snapshot)
            screen.call_after_refresh(lambda: first.append(shown(app)))

        monkeypatch.setattr(app, "_draw_first", drawn)
        await until(lambda: isinstance(app.screen, FirstNumbers))
        assert app.desk is None
        assert d.session.deliver is not None
        d.session.deliver(fleet(assessments={}, incidents=()))
        await until(lambda: app.desk is not None)
        await d.settle()
        assert first[0] == shown(app)
        assert "mixtral-8x22b" in str(first[0])
        assert not any(isinstance(one, FirstNumbers) for one in app.screen_stack)


async def test_the_first_frame_of_the_fleet_screen_has_the_numbers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[Snapshot | None] = []
    made = FleetScreen.__init__

    def note(screen: FleetScreen, desk: ConsoleDesk) -> None:
        known.append(desk.snapshot)
        made(screen, desk)

    monkeypatch.setattr(FleetScreen, "__init__", note)
    async with not_imported_yet(monkeypatch) as d:
        await until(lambda: isinstance(d.app.screen, FirstNumbers))
        assert d.session.deliver is not None
        d.session.deliver(first := fleet(assessments={}, incidents=()))
        await until(lambda: d.app.desk is not None)
        assert known == [first]


async def test_a_first_snapshot_that_is_late_does_not_hold_up_the_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    async with not_imported_yet(monkeypatch, within=0.01) as d:
        await until(lambda: d.app.desk is not None)
        await d.deliver(fleet())
        assert d.grid.cursor is not None


async def test_a_saved_view_is_not_preceded_by_rows_that_it_hides(monkeypatch: pytest.MonkeyPatch) -> None:
    async with not_imported_yet(monkeypatch, view="mine") as d:
        await until(lambda: d.app.desk is not None)
