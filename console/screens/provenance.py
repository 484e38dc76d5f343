"""The numbers of one object: where each comes from, and the query that gives it; enter copies that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import bindings_of
from console.screens.lines import Lines
from console.screens.table import TableScreen
from console.views.provenance import Provenance, ProvenanceModel, provenance_of, row_of, title_of, whole_lines
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from widgets.grid import Grid
from widgets.line import Line

_LEAST = 3
"""Free lines from which on there is room for a query."""


class ProvenanceScreen(TableScreen):
    """A row per quantity; the cursor starts at the quantity of the table's ``column`` from before."""

    where = ScreenId.NUMBERS
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.NUMBERS)
    DEFAULT_CSS = """
    ProvenanceScreen #title {
        height: 1;
    }
    """

    def __init__(self, desk: Desk, key: str, wanted: str = "") -> None:
        self._key = key
        self._wanted = wanted
        self._numbers: tuple[Provenance, ...] = ()
        super().__init__(desk, Grid(waiting="looking …"))
        self._title = Lines(id="title")
        self.grid.below = self._whole

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self.grid

    @property
    def subject(self) -> str | None:
        return self._key

    @property
    def reports_vanished(self) -> bool:
        # The key of a row is not the name of an object.
        return False

    def draw(self, snapshot: Snapshot) -> None:
        self._numbers = provenance_of(snapshot, self._key)
        line = title_of(snapshot, self._key)
        self._title.show(lambda _width, _glyphs: [line])
        self.grid.show(ProvenanceModel(self._numbers, self.query_.filter), row_of(self._numbers, self._wanted))
        # Only at first: after that the user moves the cursor.
        self._wanted = ""

    def _whole(self, width: int, free: int, glyphs: Glyphs) -> Sequence[Line]:
        """The whole query of the row under the cursor, in the free lines below the table."""
        found = self._under_cursor
        return whole_lines(found, width, free - 1, glyphs) if found is not None and free > _LEAST else ()

    @property
    def _under_cursor(self) -> Provenance | None:
        return next((one for one in self._numbers if one.key == self.grid.cursor), None)

    def as_promql(self) -> str:
        found = self._under_cursor
        return found.query if found is not None else ""

    def copied(self) -> tuple[str, str]:
        found = self._under_cursor
        return (found.query, f"the query of {found.plot.title}: {found.query}") if found is not None else ("", "")

    def on_grid_selected(self, message: Grid.Selected) -> None:
        del message
        self.action_command("copy.number")
