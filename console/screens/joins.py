"""Failed joins."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import bindings_of
from console.screens.table import TableScreen
from console.views.joins import joins_model
from fleet.model.snapshot import Snapshot
from widgets.grid import Grid


class JoinsScreen(TableScreen):
    """The screen of objects that are known in one world and not in another."""

    where = ScreenId.JOINS
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.JOINS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, Grid(waiting="looking …"))

    def draw(self, snapshot: Snapshot) -> None:
        self.grid.show(joins_model(snapshot))

    def on_grid_selected(self, message: Grid.Selected) -> None:
        snapshot = self.desk.snapshot
        if snapshot is not None and message.key in snapshot.pods:
            self.desk.pages.open_detail(message.key)
        elif snapshot is not None and message.key in snapshot.gpus:
            self.desk.pages.open_nodes(message.key)
