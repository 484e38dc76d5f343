"""Alerts: those of the fleet or of one object, and the details of one."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import bindings_of
from console.screens.reading import ReadingScreen
from console.screens.table import TableScreen
from console.views.alerts import AlertsModel, alert_lines, object_of, row_of
from fleet.model.snapshot import Snapshot
from widgets.grid import Grid


class AlertsScreen(TableScreen):
    """A row per alert, the worst first. Its subject is the object that the alert under the cursor concerns."""

    where = ScreenId.ALERTS
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.ALERTS)
    enter = "open"

    def __init__(self, desk: Desk, only: str = "") -> None:
        super().__init__(desk, Grid(waiting="loading alerts …"))
        self._only = only

    def draw(self, snapshot: Snapshot) -> None:
        self.grid.show(AlertsModel(snapshot, self.query_.filter, self._only))

    @property
    def alert(self) -> str | None:
        """The key of the alert under the cursor."""
        return self.grid.cursor

    @property
    def subject(self) -> str | None:
        return subject_of(self.desk.snapshot, self.grid.cursor)

    @property
    def reports_vanished(self) -> bool:
        # A resolved alert is good news, and its key is not a readable name.
        return False

    def on_grid_selected(self, message: Grid.Selected) -> None:
        self.app.push_screen(AlertScreen(self.desk, message.key))


class AlertScreen(ReadingScreen):
    """Everything of one alert, while it lasts."""

    where = ScreenId.ALERT
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.ALERT)

    def __init__(self, desk: Desk, alert: str) -> None:
        self.alert = alert
        super().__init__(desk)

    @property
    def subject(self) -> str | None:
        return subject_of(self.desk.snapshot, self.alert)

    def draw(self, snapshot: Snapshot) -> None:
        self.page.show(partial(alert_lines, snapshot, self.alert))


def subject_of(snapshot: Snapshot | None, alert: str | None) -> str | None:
    """The key of the object that an alert concerns."""
    row = row_of(snapshot, alert or "") if snapshot is not None else None
    return object_of(snapshot, row) if snapshot is not None and row is not None else None
