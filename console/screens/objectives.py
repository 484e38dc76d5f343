"""Objectives: the targets, the remaining error budgets, and their burn rates."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import bindings_of
from console.screens.table import TableScreen
from console.views.objectives import ObjectivesModel, board, row_of, stands_on
from fleet.model.snapshot import Snapshot
from widgets.grid import Grid
from widgets.untrusted import untrusted_line


class ObjectivesScreen(TableScreen):
    """A row per objective, the fastest burn first. Its subject is the workload that serves the model of the row."""

    where = ScreenId.OBJECTIVES
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.OBJECTIVES)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, Grid(waiting="counting …"))
        self._ground = ""

    def draw(self, snapshot: Snapshot) -> None:
        self.grid.show(ObjectivesModel(snapshot, self.query_.filter))
        found = board(snapshot)
        ground = stands_on(found) if found is not None else ""
        if ground != self._ground:
            # Numbers over a month and over a minute look alike: the screen says once which these are.
            self._ground = ground
            self.say(untrusted_line(ground))

    @property
    def subject(self) -> str | None:
        snapshot, key = self.desk.snapshot, self.grid.cursor
        row = row_of(snapshot, key) if snapshot is not None and key is not None else None
        return row.subject.workloads[0] if row is not None and row.subject.workloads else None

    @property
    def reports_vanished(self) -> bool:
        # The key of a row is not the name of an object.
        return False

    def on_grid_selected(self, message: Grid.Selected) -> None:
        del message
        if self.subject is not None:
            self.desk.pages.open_detail(self.subject)
