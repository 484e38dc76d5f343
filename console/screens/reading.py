"""Screens to read: a page of lines with a search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import Where
from console.commands.desk import Toggle
from console.screens.base import ConsoleScreen, bindings_of
from console.screens.console import Console
from console.screens.page import Page
from console.views.help import help_lines
from console.views.sources import source_lines
from fleet.model.snapshot import Snapshot


class ReadingScreen(ConsoleScreen):
    """Base of the screens whose body is a Page."""

    def __init__(self, console: Console) -> None:
        self.page = Page()
        self._searched = ""
        super().__init__(console)

    def body(self) -> Iterable[Widget]:
        yield self.page

    @property
    def narrowed(self) -> str:
        return self._searched

    def narrow(self, text: str) -> str | None:
        self._searched = text
        return None if self.page.search(text) or not text else f"{text!r} is not there"

    def back(self) -> bool:
        if not self._searched:
            return False
        self.narrow("")
        return True

    def step_match(self, step: int) -> None:
        self.page.action_match(step)

    def toggle(self, switch: Toggle) -> None:
        if switch is Toggle.WRAP:
            self.page.action_wrap()


class SourcesScreen(ReadingScreen):
    """What is read, since when, what is wrong with it, and what to do."""

    where = Where.SOURCES
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Where.SOURCES)

    def draw(self, snapshot: Snapshot) -> None:
        self.page.show(lambda width, glyphs: source_lines(snapshot, width, glyphs))


class HelpScreen(ReadingScreen):
    """Keys and commands, those of the screen it was asked from first."""

    where = Where.HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Where.HELP)

    def __init__(self, console: Console, asked_from: Where) -> None:
        self._asked_from = asked_from
        super().__init__(console)

    def on_mount(self) -> None:
        self.page.show(lambda width, glyphs: help_lines(self._asked_from, self.desk.keymap, width, glyphs))
