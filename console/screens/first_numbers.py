"""The first numbers of a fleet: the fleet screen without its keys, commands and actions, which are imported after it.

It has the same lines in the same places, so that nothing moves when the fleet screen takes over. A key that is typed
meanwhile waits for that screen.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.geometry import Size
from textual.screen import Screen

from console.screens.lines import Lines
from console.views.fleet import FleetTable
from console.views.header import header_model, outages
from console.views.query import Query
from console.views.severity_since import SinceTracker
from console.views.summary import summary
from fleet.model.snapshot import Snapshot
from widgets.grid import Grid
from widgets.header import Header


class FirstNumbers(Screen[None]):
    """Shows Snapshots until the desk is imported."""

    BLANK = True
    """Textual's: the screen itself draws nothing, since its widgets cover it."""

    DEFAULT_CSS = """
    FirstNumbers {
        layout: vertical;
    }
    FirstNumbers #outages {
        height: auto;
        display: none;
    }
    FirstNumbers #summary {
        height: 2;
    }
    FirstNumbers Grid {
        height: 1fr;
        margin-bottom: 2;
    }
    """

    def __init__(self, context: str, namespace: str, production: Sequence[str], *, read_only: bool) -> None:
        super().__init__()
        self._where = context, namespace
        self._production = production
        self._read_only = read_only
        self._header = Header(header_model(None, context, namespace, read_only=read_only, production=production))
        self._outages = Lines(id="outages")
        self._summary = Lines(id="summary")
        self._grid = Grid(id="fleet", waiting="connecting to the fleet …")
        self._table = FleetTable()

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._outages
        yield self._summary
        yield self._grid

    def show(self, snapshot: Snapshot, size: Size) -> None:
        """Show a Snapshot on a terminal of this size, with the cursor where the fleet screen will have it.

        It may be called before the screen is composed.
        """
        context, namespace = self._where
        self._header.show(
            header_model(snapshot, context, namespace, read_only=self._read_only, production=self._production)
        )
        lines = outages(snapshot, *size, self._outages.glyphs)
        self._outages.styles.height = len(lines)
        self._outages.display = bool(lines)
        self._outages.show(lambda _width, _glyphs: lines)
        # The times since when something has been wrong are those of the desk.
        self._summary.show(lambda width, glyphs: summary(snapshot, SinceTracker(), width, glyphs))
        model = self._table.model_of(snapshot, Query())
        self._grid.show(model, model.groups[0].key if model.groups else None)
