"""The first screen: what is worst, the models and workloads, and under the cursor their pods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import Where
from console.commands.desk import Toggle
from console.screens.base import ConsoleScreen, bindings_of
from console.screens.console import Console
from console.screens.lines import Lines
from console.views.filter import Filter
from console.views.fleet import FleetOrder, fleet_model
from console.views.query import Query
from console.views.summary import summary
from fleet.model.snapshot import Snapshot
from widgets.grid import Grid


class FleetScreen(ConsoleScreen):
    """See the module."""

    where = Where.FLEET
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Where.FLEET)

    DEFAULT_CSS = """
    FleetScreen #summary {
        height: 2;
    }
    """

    def __init__(self, console: Console) -> None:
        self.grid = Grid(id="fleet", waiting="looking for the fleet …")
        super().__init__(console)
        self._summary = Lines(id="summary")
        self._query = Query()
        self._order = FleetOrder()
        self._focused: frozenset[str] = frozenset()

    def body(self) -> Iterable[Widget]:
        yield self._summary
        yield self.grid

    @property
    def subject(self) -> str | None:
        return self.grid.cursor

    @property
    def filter(self) -> Filter:
        return self._query.filter

    def draw(self, snapshot: Snapshot) -> None:
        self._summary.show(lambda width, glyphs: summary(snapshot, self.desk.since, width, glyphs))
        self.grid.show(fleet_model(snapshot, self._query, self._order))
        self._focus_visible(snapshot)

    def sort(self, column: str) -> None:
        self._ask(self._query.sorted_by(column))

    def toggle(self, switch: Toggle) -> None:
        if switch is Toggle.OTHERS:
            self._ask(replace(self._query, others=not self._query.others))

    def set_filter(self, wanted: Filter) -> None:
        """Show only what matches."""
        self._ask(replace(self._query, filter=wanted))

    def back(self) -> bool:
        if self._query.filter:
            self._ask(replace(self._query, filter=Query().filter))
            return True
        if self.grid.marks:
            self.grid.clear_marks()
            return True
        return False

    def on_grid_head_clicked(self, message: Grid.HeadClicked) -> None:
        self.sort("" if message.column == "story" else message.column)

    def on_grid_selected(self, message: Grid.Selected) -> None:
        self.desk.open_detail(message.key)

    def on_grid_highlighted(self) -> None:
        self.show_keys()
        if self.desk.snapshot is not None:
            self._focus_visible(self.desk.snapshot)

    def on_grid_vanished(self, message: Grid.Vanished) -> None:
        self.say(f"{message.key} is gone")

    def _ask(self, query: Query) -> None:
        self._query = query
        if self.desk.snapshot is not None:
            self.draw(self.desk.snapshot)

    def _focus_visible(self, snapshot: Snapshot) -> None:
        """Ask for the percentiles of the pods on the screen, when they are others than before."""
        pods = frozenset(key for key in self.grid.visible_keys if key in snapshot.pods)
        if pods != self._focused:
            self._focused = pods
            self.desk.session.focus(pods)
