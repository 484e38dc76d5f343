"""Screens with a table: sorting, filtering, and the object under the cursor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from textual.widget import Widget

from console.commands.desk import Desk
from console.screens.grid_screen import GridScreen
from console.views.filter import EVERYTHING, FilterError, parse_filter
from console.views.query import Query
from console.views.subject import is_somewhere
from fleet.model.in_past import is_past
from widgets.grid import Grid
from widgets.untrusted import untrusted_name


class TableScreen(GridScreen):
    """Base of the screens whose body is a Grid; ``query_`` has the user's sorting and filter."""

    narrows_at_once = True
    query_ = Query()

    def __init__(self, desk: Desk, grid: Grid) -> None:
        self._copied: str | None = None
        """The row whose name was copied last."""
        super().__init__(desk, grid)

    def body(self) -> Iterable[Widget]:
        yield self.grid

    @property
    def subject(self) -> str | None:
        return self.grid.cursor

    def copied(self) -> tuple[str, str]:
        """The name under the cursor, and when it was copied a moment ago the whole row."""
        key = self.grid.cursor
        if key is None:
            return "", ""
        again, self._copied = self._copied == key, key
        if again:
            self._copied = None
            return self.grid.row_text(), "the row"
        name = key.rpartition("/")[2]
        return name, f"{untrusted_name(name)}; the same key again copies the row"

    def on_grid_cell_picked(self, message: Grid.CellPicked) -> None:
        self.desk.navigator.copy(message.text, f"the cell: {message.text}")

    @property
    def marked(self) -> tuple[str, ...]:
        return self.grid.targets if self.grid.marks else ()

    def forget_marks(self) -> None:
        self.grid.clear_marks()

    def sort(self, column: str) -> None:
        self.ask(self.query_.sorted_by(column))

    def ask(self, query: Query) -> None:
        """Show the table with another sorting or filter."""
        self.query_ = query
        if self.desk.snapshot is not None:
            self.draw(self.desk.snapshot)

    @property
    def narrowed(self) -> str:
        return self.query_.filter.text

    def narrow(self, text: str) -> str | None:
        try:
            wanted = parse_filter(text)
        except FilterError as error:
            return str(error)
        self.ask(replace(self.query_, filter=wanted))
        return None

    def back(self) -> bool:
        if self.query_.filter:
            self.ask(replace(self.query_, filter=EVERYTHING))
            return True
        if self.grid.marks:
            self.grid.clear_marks()
            return True
        return False

    def on_grid_head_clicked(self, message: Grid.HeadClicked) -> None:
        self.sort(message.column if message.column in self.sortable else "")

    def on_grid_highlighted(self) -> None:
        self.show_keys()

    def on_grid_marks_changed(self) -> None:
        self.show_keys()
        # Marks may be further down than the screen shows.
        if self.grid.marks:
            self.say(f"{len(self.grid.marks)} marked; esc unmarks")

    def on_grid_vanished(self, message: Grid.Vanished) -> None:
        snapshot = self.desk.snapshot
        if (
            self.reports_vanished
            and not is_past(snapshot)
            and not (snapshot is not None and is_somewhere(snapshot, message.key))
        ):
            self.say(f"{untrusted_name(message.key)} is gone", is_event=True)

    @property
    def reports_vanished(self) -> bool:
        """True if a person would wonder where the row went: not when a filter hides it."""
        return not self.query_.filter

    @property
    def sortable(self) -> frozenset[str]:
        """The columns that can be sorted by."""
        return frozenset()
