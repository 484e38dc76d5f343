"""A small app around one widget, with a terminal that counts what is written to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import ClassVar, TypeVar

from textual.app import App, ComposeResult
from textual.drivers.headless_driver import HeadlessDriver
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from themes.look import Look, look, use
from themes.textual_themes import STYLESHEET, register

AnyMessage = TypeVar("AnyMessage", bound=Message)


class CountingDriver(HeadlessDriver):
    """Takes all output, as a terminal would (Textual writes nothing to a headless one)."""

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        assert isinstance(self._app, Stage)
        self._app.written.append(data)


class Stage(App[None]):
    """Shows the widgets that it is given, in the look in force."""

    CSS_PATH: ClassVar[str] = str(STYLESHEET)
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, *shown: Widget) -> None:
        super().__init__(driver_class=CountingDriver, ansi_color=True)
        self.shown = shown
        self.written: list[str] = []
        self.messages: list[Message] = []
        register(self)
        self.theme = look().theme

    def compose(self) -> ComposeResult:
        yield from self.shown

    def note(self, message: Message) -> None:
        """Keep a message, once however many widgets it bubbles through."""
        if not any(message is known for known in self.messages):
            self.messages.append(message)

    def heard(self, kind: type[AnyMessage]) -> list[AnyMessage]:
        """Messages of a kind, in the order in which they were handled."""
        return [message for message in self.messages if isinstance(message, kind)]


@asynccontextmanager
async def on_stage(
    *widgets: Widget, size: tuple[int, int] = (120, 40), chosen: Look | None = None
) -> AsyncIterator[tuple[Stage, Pilot[None]]]:
    """The widgets in a running app; construct them inside ``with_look`` or after ``use`` when the look matters."""
    if chosen is not None:
        use(chosen)
    app = Stage(*widgets)
    async with app.run_test(size=size, headless=False, message_hook=app.note) as pilot:
        await settled(pilot)
        app.written.clear()
        yield app, pilot


async def settled(pilot: Pilot[None]) -> None:
    """Wait until everything that was asked for is painted."""
    await pilot.pause()
    screen = pilot.app.screen
    for _ in range(200):
        if not (screen._dirty_widgets or screen._layout_required or screen._callbacks):
            return
        await pilot.pause(0.005)
    raise AssertionError("the screen does not come to rest")


def size_of(chunks: Iterable[str]) -> int:
    """Bytes that a terminal would get."""
    return sum(len(chunk.encode()) for chunk in chunks)
