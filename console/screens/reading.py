"""Screens to read: a page of lines with a search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import Command, ScreenId
from console.commands.desk import Desk
from console.commands.help import help_lines
from console.screens.base import bindings_of
from console.screens.page import Page
from console.screens.searched import SearchedScreen
from console.views.sources import source_lines
from fleet.model.snapshot import Snapshot


class ReadingScreen(SearchedScreen):
    """Base of the screens whose body is a Page."""

    def __init__(self, desk: Desk) -> None:
        self.page = Page()
        super().__init__(desk, self.page)

    def body(self) -> Iterable[Widget]:
        yield self.page


class SourcesScreen(ReadingScreen):
    """The screen of the sources: since when each is read, what is wrong with it, and what to do."""

    where = ScreenId.SOURCES
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.SOURCES)

    def draw(self, snapshot: Snapshot) -> None:
        self.page.show(lambda width, glyphs: source_lines(snapshot, width, glyphs))


class HelpScreen(ReadingScreen):
    """Keys and commands, those of the screen it was asked from first."""

    where = ScreenId.HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.HELP)

    def __init__(
        self, desk: Desk, asked_from: ScreenId, commands: Sequence[Command], lacking: Mapping[str, str]
    ) -> None:
        self._asked_from = asked_from
        self._commands = commands
        self._lacking = lacking
        super().__init__(desk)

    def on_mount(self) -> None:
        self.page.show(
            lambda width, glyphs: help_lines(
                self._asked_from, self.desk.options.keymap, width, glyphs, self._commands, self._lacking
            )
        )
