"""Incidents, one row each, worst first; and one incident with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import bindings_of
from console.screens.baselines import Usual
from console.screens.reading import ReadingScreen
from console.screens.remedy_keys import key_for
from console.screens.table import TableScreen
from console.views.alert_marks import unexplained
from console.views.alerts import object_of
from console.views.incidents import IncidentsModel, concerned, incident_below, incident_lines
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from widgets.grid import Grid
from widgets.line import Line


class IncidentsScreen(TableScreen):
    """The list of incidents. A row's object is the one that its incident is about; enter shows why."""

    where = ScreenId.INCIDENTS
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.INCIDENTS)

    def __init__(self, desk: Desk, subject: str | None = None) -> None:
        super().__init__(desk, Grid(waiting="looking …"))
        self.grid.below = self._details
        self._wanted = subject

    @property
    def subject(self) -> str | None:
        return _about(self.desk.snapshot, self.grid.cursor)

    @property
    def incident(self) -> str | None:
        return self.grid.cursor

    @property
    def reports_vanished(self) -> bool:
        return False

    def draw(self, snapshot: Snapshot) -> None:
        model = IncidentsModel(snapshot, self.query_.filter)
        wanted, self._wanted = concerned(snapshot, self._wanted), None
        if wanted is None:
            self.grid.show(model)
        else:
            self.grid.show(model, wanted)

    def _details(self, width: int, free: int, glyphs: Glyphs) -> Sequence[Line]:
        """Return the page of the incident under the cursor, as far as there is room below the list."""
        snapshot, key = self.desk.snapshot, self.grid.cursor
        if snapshot is None or key is None:
            return ()
        key_of = partial(key_for, self.desk, self.where, self.subject)
        return incident_below(snapshot, key, key_of, width, free, glyphs)

    def on_grid_highlighted(self) -> None:
        super().on_grid_highlighted()
        self.grid.redraw()

    @property
    def is_empty(self) -> bool:
        """True where there is none to open."""
        return self.grid.cursor is None

    def open_incident(self) -> None:
        """Open the incident or alert under the cursor."""
        if self.grid.cursor is not None:
            self._open(self.grid.cursor)

    def on_grid_selected(self, message: Grid.Selected) -> None:
        self._open(message.key)

    def _open(self, key: str) -> None:
        snapshot = self.desk.snapshot
        if snapshot is not None and key in unexplained(snapshot):
            from console.screens.alerts import AlertScreen

            self.app.push_screen(AlertScreen(self.desk, key))
        else:
            self.app.push_screen(IncidentScreen(self.desk, key))


class IncidentScreen(ReadingScreen):
    """The details of one incident. Redrawn while it lasts."""

    where = ScreenId.INCIDENT
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.INCIDENT)

    def __init__(self, desk: Desk, key: str) -> None:
        self._key = key
        super().__init__(desk)
        self._usual = Usual(self)

    @property
    def incident(self) -> str:
        return self._key

    @property
    def subject(self) -> str | None:
        return _about(self.desk.snapshot, self._key)

    def draw(self, snapshot: Snapshot) -> None:
        subject = self.subject
        usual = self._usual.of(snapshot, subject) if subject is not None else None
        key_of = partial(key_for, self.desk, self.where, subject)
        self.page.show(lambda width, glyphs: incident_lines(snapshot, self._key, key_of, width, glyphs, usual))
        if subject is not None and subject in snapshot.pods:
            self.desk.session.focus(frozenset({subject}))


def _about(snapshot: Snapshot | None, key: str | None) -> str | None:
    """The object that an incident, or an alert that belongs to none, is about."""
    if snapshot is None:
        return None
    about = next((one.about for one in snapshot.incidents if one.key == key), None)
    alert = unexplained(snapshot).get(key) if about is None and key is not None else None
    return object_of(snapshot, alert) if alert is not None else about
