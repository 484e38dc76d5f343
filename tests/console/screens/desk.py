"""The console on a scripted session, in a terminal that counts, in the hands of a test."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from textual.drivers.headless_driver import HeadlessDriver
from textual.events import Key
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input

from console.app.app import QuarterdeckApp
from console.app.desk import ConsoleDesk
from console.config.options import Options
from console.screens.base import ConsoleScreen
from console.screens.fleet import FleetScreen
from fleet.model.snapshot import Snapshot
from tests.console.screens.scripted import ScriptedSession
from tests.fleets import make_snapshot
from tests.waiting import PATIENCE
from tests.widgets.stage import settled
from themes.look import Look, use
from widgets.grid import Grid
from widgets.line_view import LineView

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)])
"""Parameters for tests of the smallest terminal and a usual one."""


class CountingDriver(HeadlessDriver):
    """Takes all output, as a terminal would (Textual writes nothing to a headless one)."""

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        assert isinstance(self._app, CountedApp)
        self._app.written.append(data)


class CountedApp(QuarterdeckApp):
    """The console, and everything that it wrote to its terminal."""

    def __init__(self, session: ScriptedSession, options: Options) -> None:
        super().__init__(session, options)
        self.driver_class = CountingDriver
        self.written: list[str] = []


@dataclass
class Desk:
    """A running console in the hands of a test."""

    app: CountedApp
    pilot: Pilot[None]
    session: ScriptedSession

    async def press(self, *keys: str) -> None:
        """Press keys one by one and wait until everything that follows is on the screen."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def type(self, text: str) -> None:
        """Type a text into what has the focus, as fast as paste: it is painted once it is there."""
        names = {
            "/": "slash",
            ":": "colon",
            " ": "space",
            "-": "minus",
            "!": "exclamation_mark",
            "=": "equals_sign",
            "@": "at",
            "+": "plus",
        }
        for char in text:
            self.app.post_message(Key(names.get(char, char), char))
        await self.settle()

    async def command(self, line: str) -> None:
        """Enter a line after the colon."""
        await self.press("colon")
        await self.type(line)
        await self.press("enter")

    async def open(self, key: str) -> None:
        """Return the page of the object on the grid."""
        self.grid.move_to(key)
        await self.press("enter")

    async def deliver(self, snapshot: Snapshot) -> int:
        """Hand over a Snapshot as a source's thread would; returns the bytes that the terminal got for it."""
        self.app.written.clear()
        assert self.session.deliver is not None
        self.session.deliver(snapshot)
        await self.settle()
        return sum(len(data.encode()) for data in self.app.written)

    async def settle(self) -> None:
        """Wait until nothing is left to paint."""
        await settled(self.pilot)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, f"it does not come true; the screen:\n{self.text}"
            await self.pilot.pause(0.005)

    @property
    def desk(self) -> ConsoleDesk:
        """The desk below the screens."""
        assert self.app.desk is not None
        return self.app.desk

    @property
    def screen(self) -> ConsoleScreen:
        front = self.desk.navigator.front
        assert front is not None
        return front

    @property
    def fleet(self) -> FleetScreen:
        assert isinstance(self.screen, FleetScreen)
        return self.screen

    @property
    def grid(self) -> Grid:
        return self.screen.query_one(Grid)

    @property
    def lines(self) -> list[str]:
        """The rows of the terminal, from what the widgets drew last."""
        rows = [" " * self.app.size.width] * self.app.size.height
        seen = self.screen._compositor.visible_widgets
        for widget in self.screen.query("LineView, Input"):
            if not widget.display or not widget.region or widget not in seen:
                continue
            (x, y, width, height), clip = widget.region, seen[widget][1]
            for offset, text in enumerate(_texts(widget)[:height]):
                if clip.y <= y + offset < min(clip.bottom, len(rows)):
                    row = rows[y + offset]
                    rows[y + offset] = row[:x] + text[:width].ljust(width) + row[x + width :]
        return rows

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def line_with(self, text: str) -> str:
        """The first row of the terminal that has a text in it."""
        found = next((line for line in self.lines if text in line), None)
        assert found is not None, f"{text!r} is not on the screen:\n{self.text}"
        return found


def _texts(widget: Widget) -> list[str]:
    """Return the text drawn by a widget; for an input, its value or placeholder."""
    if isinstance(widget, Input):
        return [widget.value or widget.placeholder]
    assert isinstance(widget, LineView)
    return widget.shown_text


@asynccontextmanager
async def desk(
    snapshot: Snapshot | None = None,
    *,
    size: tuple[int, int] = (120, 40),
    options: Options | None = None,
    session: ScriptedSession | None = None,
    look: Look | None = None,
) -> AsyncIterator[Desk]:
    """The console with a Snapshot on its first screen; none yet without one."""
    use(look or Look())
    session = session or ScriptedSession()
    app = CountedApp(session, options or Options())
    async with app.run_test(size=size, headless=False) as pilot:
        running = Desk(app, pilot, session)
        await running.until(lambda: app.desk is not None and app.desk.navigator.front is not None)
        await running.settle()
        if snapshot is not None:
            await running.deliver(snapshot)
        yield running
    assert session.closed


def fleet(**changes: object) -> Snapshot:
    """The fleet of most tests, with fields replaced."""
    return replace(make_snapshot(), **changes)  # type: ignore[arg-type]
