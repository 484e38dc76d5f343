"""Apps whose drawing is counted: the console without sources of its own, and an app around one table."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence

from textual import events
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.widget import Widget

from console.app.app import QuarterdeckApp
from tests.console.screens.scripted import ScriptedSession
from themes.textual_themes import register

SIZE = (120, 40)


class Counted:
    """Counters for any app."""

    bytes_written = 0
    on_write: Callable[[], None] = staticmethod(lambda: None)


class CountingTerminal(HeadlessDriver):
    """Counts its input and calls back at each write; nothing reaches a terminal."""

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        assert isinstance(self._app, Counted)
        self._app.bytes_written += len(data.encode())
        self._app.on_write()


class Console(Counted, QuarterdeckApp):
    """The console, without sources of its own."""

    def __init__(self) -> None:
        self.session = ScriptedSession()
        super().__init__(self.session)
        self.driver_class = CountingTerminal


class TableApp(Counted, App[None]):
    """An app around one table."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, table: Widget) -> None:
        super().__init__(driver_class=CountingTerminal, ansi_color=True)
        self.table = table
        register(self)
        self.theme = "quarterdeck-dark"

    def compose(self) -> Sequence[Widget]:
        return [self.table]


def press(app: App[None], key: str) -> None:
    """Deliver a key as if the terminal had sent it now."""
    event = events.Key(key, None)
    event.set_sender(app)
    app.post_message(event)


async def every(seconds: float, do: Callable[[], object]) -> None:
    """Call ``do`` every so many seconds until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        do()


def common_terminal() -> None:
    """Colours of a common terminal, wherever this runs: the number of bytes depends on them."""
    os.environ.update(TERM="xterm-256color")
    os.environ.pop("NO_COLOR", None)
