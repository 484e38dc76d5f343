"""Describe and YAML: a text that is read once, when it is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import beside, bindings_of
from console.screens.lines import Lines
from console.screens.searched import SearchedScreen
from console.session.failure import SessionError
from themes.palette import Role
from widgets.line import Line, Span
from widgets.text_view import TextView
from widgets.untrusted import untrusted


class TextScreen(SearchedScreen):
    """``read`` is awaited beside the screen: keys work while it takes its time, and esc gives it up."""

    where = ScreenId.TEXT
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.TEXT)

    DEFAULT_CSS = """
    TextScreen #title {
        height: 1;
    }
    """

    def __init__(self, desk: Desk, title: str, read: Callable[[], Awaitable[str]]) -> None:
        self.text = TextView("reading …")
        super().__init__(desk, self.text)
        self._title = Lines(id="title")
        self._words = title
        self._read = read

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self.text

    def on_mount(self) -> None:
        line = Line((Span(f" {untrusted(self._words)}", Role.STRONG),))
        self._title.show(lambda _width, _glyphs: [line])
        self._load()

    @beside("read")
    async def _load(self) -> None:
        try:
            self.text.show(await self._read())
        except SessionError as error:
            self.text.show(f"{error.problem}\n{error.remedy}")
            self.say(error.problem, Role.ERROR)
