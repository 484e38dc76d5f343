"""Describe and YAML: a text that is read once, when it is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import Where
from console.commands.desk import Toggle
from console.screens.base import ConsoleScreen, bindings_of
from console.screens.console import Console
from console.screens.lines import Lines
from console.session import SessionError
from themes.palette import Role
from widgets.line import Line, Span
from widgets.text_view import TextView
from widgets.untrusted import untrusted


class TextScreen(ConsoleScreen):
    """``read`` is awaited beside the screen: keys work while it takes its time, and esc gives it up."""

    where = Where.TEXT
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Where.TEXT)

    DEFAULT_CSS = """
    TextScreen #title {
        height: 1;
    }
    """

    def __init__(self, console: Console, title: str, read: Callable[[], Awaitable[str]]) -> None:
        super().__init__(console)
        self.text = TextView("reading …")
        self._title = Lines(id="title")
        self._words = title
        self._read = read
        self._searched = ""

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self.text

    def on_mount(self) -> None:
        line = Line((Span(f" {untrusted(self._words)}", Role.STRONG),))
        self._title.show(lambda _width, _glyphs: [line])
        self.run_worker(self._load(), group="read", exclusive=True, exit_on_error=False)

    async def _load(self) -> None:
        try:
            self.text.show(await self._read())
        except SessionError as error:
            self.text.show(f"{error.problem}\n{error.remedy}")
            self.say(error.problem, Role.ERROR)

    def reload(self) -> None:
        """Read it again."""
        self.run_worker(self._load(), group="read", exclusive=True, exit_on_error=False)

    @property
    def narrowed(self) -> str:
        return self._searched

    def narrow(self, text: str) -> str | None:
        self._searched = text
        return None if self.text.search(text) or not text else f"{text!r} is not there"

    def back(self) -> bool:
        if not self._searched:
            return False
        self.narrow("")
        return True

    def step_match(self, step: int) -> None:
        self.text.action_match(step)

    def toggle(self, switch: Toggle) -> None:
        if switch is Toggle.WRAP:
            self.text.action_wrap()
