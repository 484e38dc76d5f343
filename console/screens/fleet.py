"""The first screen: the worst incidents, the models and workloads, and the pods of the row under the cursor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import bindings_of
from console.screens.lines import Lines
from console.screens.table import TableScreen
from console.screens.under_cursor import UnderCursor
from console.views.columns import sortable, sorted_quantity
from console.views.fleet import FleetModel, FleetTable
from console.views.fleet_columns import COLUMNS
from console.views.subject import assessment_of
from console.views.summary import summary
from fleet.model.objects import ClusterId
from fleet.model.quantity import Quantity
from fleet.model.severity import rank
from fleet.model.snapshot import Snapshot
from widgets.grid import Grid

WIDE = 230
"""Width in columns from which details of the row under the cursor are shown beside the table."""


class FleetAndGlance(Horizontal):
    """The table and, if there is room, details of the row under the cursor."""

    BLANK = True
    DEFAULT_CSS = """
    FleetAndGlance {
        height: 1fr;
    }
    FleetAndGlance Grid {
        width: 1fr;
    }
    FleetAndGlance #glance {
        width: 84;
        height: 100%;
        display: none;
    }
    FleetAndGlance.wide #glance {
        display: block;
    }
    """

    def __init__(self, grid: Grid, glance: Lines) -> None:
        super().__init__()
        self._parts = (grid, glance)

    def compose(self) -> ComposeResult:
        yield from self._parts


class FleetScreen(TableScreen):
    """The first screen: every workload, the worst first, and its pods."""

    where = ScreenId.FLEET
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.FLEET)

    DEFAULT_CSS = """
    FleetScreen #summary {
        height: 2;
    }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, Grid(id="fleet", waiting="connecting to the fleet …"))
        self._summary = Lines(id="summary")
        self._glance = Lines(id="glance")
        self._beside = FleetAndGlance(self.grid, self._glance)
        self._under = UnderCursor(self, self.grid)
        self.grid.below = self._under.lines
        self._table = FleetTable()
        self._welcomed = False
        self._focused: frozenset[str] = frozenset()
        self._placed: str | None = None
        self._measured = False
        """True if the last Snapshot had numbers."""
        self._view: tuple[ClusterId, str] | None = None
        """Cluster and namespace of the Snapshot that is shown."""
        self._touched = False
        """The person has moved the cursor or pressed a key: from then on it stays with its object."""

    def body(self) -> Iterable[Widget]:
        yield self._summary
        yield self._beside

    def on_click(self, event: events.Click) -> None:
        """A click on what is wrong opens the incidents; on ``:joins`` beside it, what that names."""
        widget, region = self.get_widget_at(event.screen_x, event.screen_y)
        x, y = event.screen_x - region.x, event.screen_y - region.y
        if widget is not self._summary or not 0 <= y < len(self._summary.shown_text):
            return
        text = self._summary.shown_text[y]
        end = text.find(" :")
        if x < (end if end >= 0 else len(text.rstrip())):
            self.desk.line.run("incidents", self.context())

    def draw(self, snapshot: Snapshot) -> None:
        self._summary.show(lambda width, glyphs: summary(snapshot, self.desk.since, width, glyphs))
        self._look_elsewhere(snapshot)
        model = self._table.model_of(snapshot, self.query_)
        self._under.update(snapshot, self.grid.cursor)
        self._touched = self._touched or self.grid.cursor != self._placed
        if not self._touched and model.groups:
            self._placed = self._worst(snapshot, model)
            self.grid.show(model, self._placed)
        else:
            self.grid.show(model)
        self._look_at_cursor()
        if not self._welcomed:
            self._welcomed = True
            self._welcome()
            if self.desk.options.view:
                self.desk.scope.views.show(self.desk.options.view)

    def _worst(self, snapshot: Snapshot, model: FleetModel) -> str:
        """Return the row for the cursor of a person who has not pressed anything: the worst.

        The sources answer one after another: it is known only after some Snapshots. Then the cursor leaves its row for
        one of a worse severity alone: workloads that are well change places with every request that waits.
        """
        worst, before, was_measured = model.groups[0].key, self._placed, self._measured
        self._measured = snapshot.measured_at is not None
        if before is None or not was_measured or all(group.key != before for group in model.groups):
            return worst
        ranks = [rank(assessment_of(snapshot, key).severity) for key in (worst, before)]
        return worst if ranks[0] < ranks[1] else before

    def action_command(self, id: str) -> None:  # noqa: A002 - the command's
        self._touched = True
        super().action_command(id)

    def _welcome(self) -> None:
        file = self.desk.options.welcome
        if file is not None and not file.exists():
            from console.screens.welcome import welcome

            welcome(self, file)

    def toggle_others(self) -> None:
        self.ask(replace(self.query_, others=not self.query_.others))

    @property
    def sorted_quantity(self) -> Quantity | None:
        return sorted_quantity(COLUMNS, self.query_.sort)

    @property
    def sortable(self) -> frozenset[str]:
        return sortable(COLUMNS)

    def on_resize(self, event: events.Resize) -> None:
        self._beside.set_class(event.size.width >= WIDE, "wide")
        self._under.plots = event.size.width < WIDE
        self._look_at_cursor()

    def on_screen_resume(self) -> None:
        # The previous screen had requested other pods.
        self._focused = frozenset()
        self._look_at_cursor()

    def on_grid_selected(self, message: Grid.Selected) -> None:
        self.desk.pages.open_detail(message.key)

    def on_grid_highlighted(self) -> None:
        self._look_at_cursor()
        if self.desk.snapshot is not None:
            self._under.update(self.desk.snapshot, self.grid.cursor)

    def _cut_text(self) -> str:
        shown = self._under.has_room or self._beside.has_class("wide")
        return "" if shown else super()._cut_text()

    def _look_elsewhere(self, snapshot: Snapshot) -> None:
        """Reset for another cluster or namespace, with the cursor on the worst row."""
        view = (snapshot.cluster.id, snapshot.cluster.namespace)
        if view != self._view:
            self._view = view
            self._table = FleetTable()
            self._touched = self._measured = False
            self._placed = self.grid.cursor

    @property
    def reports_vanished(self) -> bool:
        return self._touched and super().reports_vanished

    def _look_at_cursor(self) -> None:
        """Show details of the row under the cursor, and request the percentiles of the pods on the screen."""
        snapshot, key = self.desk.snapshot, self.grid.cursor
        if snapshot is None:
            return
        if self._beside.has_class("wide") and key is not None:
            # Half of the views, which the first frame does not need.
            from console.views.side_panel import glance_lines

            self._glance.show(lambda width, glyphs: glance_lines(snapshot, key, width, glyphs))
        pods = frozenset(key for key in self.grid.visible_keys if key in snapshot.pods)
        if pods != self._focused:
            self._focused = pods
            self.desk.session.focus(pods)
