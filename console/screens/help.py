"""The screen of help: keys and commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType

from console.commands.command import Command, ScreenId
from console.commands.desk import Desk
from console.commands.help import help_lines
from console.screens.base import bindings_of
from console.screens.reading import ReadingScreen


class HelpScreen(ReadingScreen):
    """Keys and commands, those of the originating screen first."""

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
