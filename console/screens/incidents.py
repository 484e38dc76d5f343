"""Incidents, one row each, worst first; and one incident with its evidence."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.commands.dispatch import closed_by
from console.commands.keys import key_text, keys_of
from console.commands.table import by_name, commands_for
from console.screens.base import bindings_of
from console.screens.baselines import Usual
from console.screens.reading import ReadingScreen
from console.screens.table import TableScreen
from console.views.alert_marks import unexplained
from console.views.alerts import object_of
from console.views.incidents import IncidentsModel, concerned, incident_lines
from fleet.model.snapshot import Snapshot
from widgets.grid import Grid


class IncidentsScreen(TableScreen):
    """The list of incidents. A row's object is the one that its incident is about; enter shows why."""

    where = ScreenId.INCIDENTS
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.INCIDENTS)

    def __init__(self, desk: Desk, subject: str | None = None) -> None:
        super().__init__(desk, Grid(waiting="looking …"))
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
        self.page.show(lambda width, glyphs: incident_lines(snapshot, self._key, self._key_of, width, glyphs, usual))
        if subject is not None and subject in snapshot.pods:
            self.desk.session.focus(frozenset({subject}))

    def _key_of(self, name: str) -> str:
        """The key of a command here; for a command of the nodes screen, with the way there. Empty if no mode allows it:
        the remedy is one for somebody else, or for another time.
        """
        keymap = self.desk.options.keymap
        here = next((one for one in commands_for(self.where) if name in one.names), None)
        there = here or by_name(name, ScreenId.NODES)
        snapshot, about = self.desk.snapshot, self.subject
        if snapshot is not None and (about in snapshot.nodes or about in snapshot.gpus):
            # There a command may mean the node where it means the pod here (drain).
            there = by_name(name, ScreenId.NODES) or here
            here = here if here is there else None
        if there is not None and closed_by(there, snapshot, read_only=self.desk.read_only) is not None:
            return ""
        keys = keys_of(there, keymap) if there is not None else ()
        if there is None or not keys:
            return f":{name}"
        way = "" if here is not None else f"{self._key_of('nodes')} "
        return f"{way}{key_text(keys[0])}"


def _about(snapshot: Snapshot | None, key: str | None) -> str | None:
    """The object that an incident, or an alert that belongs to none, is about."""
    if snapshot is None:
        return None
    about = next((one.about for one in snapshot.incidents if one.key == key), None)
    alert = unexplained(snapshot).get(key) if about is None and key is not None else None
    return object_of(snapshot, alert) if alert is not None else about
