"""Screens with one grid: the key bar begins with the effect of enter on a row."""

from __future__ import annotations

from typing import ClassVar, Final

from console.commands.desk import Desk
from console.screens.base import ConsoleScreen
from widgets.grid import Arrangement, Grid
from widgets.key_bar import Hint, Keybar

_SELECT: Final = "grid.select"
"""The id of enter in the key bar: the binding of the grid."""


class GridScreen(ConsoleScreen):
    """Base of the screens whose rows can be selected."""

    enter: ClassVar[str] = ""
    """The word for enter in the key bar; empty if a command of the table has that key."""

    def __init__(self, desk: Desk, grid: Grid) -> None:
        self.grid = grid
        super().__init__(desk)

    @property
    def arrangement(self) -> Arrangement:
        """The columns and open groups of the table."""
        return self.grid.arrangement

    @property
    def columns(self) -> tuple[str, ...]:
        """The ids of the columns that can be chosen."""
        return self.grid.column_ids

    def rearrange(self, wanted: Arrangement) -> None:
        """Show these columns and keep these groups open."""
        self.grid.rearrange(wanted)

    def show_keys(self) -> None:
        super().show_keys()
        # What has no room in the row is read without leaving it.
        self._messages.rest(self._cut_text())

    def _cut_text(self) -> str:
        """Return what the columns cut of the row under the cursor; empty where another part of the screen has it."""
        return self.grid.row_text(only_cut=True)

    def _hints(self) -> list[Hint]:
        return [*([Hint("enter", self.enter, id=_SELECT)] if self.enter else ()), *super()._hints()]

    def on_keybar_picked(self, message: Keybar.Picked) -> None:
        if message.id == _SELECT:
            message.prevent_default()
            self.grid.action_select()
