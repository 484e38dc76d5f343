"""The vLLM servers on this machine: all of them, and for the one under the cursor its start and the live end of its
log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import background, bindings_of
from console.screens.lines import Lines
from console.screens.local.follow import follow
from console.screens.local.server import TICK
from console.screens.table import TableScreen
from console.views.local.server import server_glance
from console.views.local.servers import LocalModel, is_loading, nothing_runs, pod_keys
from console.views.query import Query
from fleet.local.server import ServerState
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.grid import Grid
from widgets.line import BLANK
from widgets.log_view import LogView

WIDE = 200
"""Width in columns from which details are shown beside the table instead of below it."""
_GLANCE = 14
"""Lines of the glance at most; the page of the server has the rest."""


class Below(Vertical):
    """The server under the cursor, and the end of its log."""

    BLANK = True

    def __init__(self, glance: Lines, log: LogView) -> None:
        super().__init__(id="below")
        self._parts = (glance, log)

    def compose(self) -> Iterable[Widget]:
        yield from self._parts


class ServersAndGlance(Horizontal):
    """The table and the server under the cursor: one below the other, or side by side where there is room."""

    BLANK = True
    DEFAULT_CSS = """
    ServersAndGlance {
        height: 1fr;
        layout: vertical;
    }
    ServersAndGlance #below {
        height: 1fr;
        width: 1fr;
    }
    ServersAndGlance.wide {
        layout: horizontal;
    }
    ServersAndGlance.wide Grid {
        width: 1fr;
        height: 100%;
    }
    ServersAndGlance.wide #below {
        width: 96;
        height: 100%;
        margin-left: 2;
    }
    ServersAndGlance.empty #below {
        display: none;
    }
    """

    def __init__(self, grid: Grid, below: Below) -> None:
        super().__init__()
        self._parts = (grid, below)

    def compose(self) -> Iterable[Widget]:
        yield from self._parts


class LocalScreen(TableScreen):
    """A row per server, and the log and numbers of the one under the cursor. ``clock`` is Unix time."""

    where = ScreenId.LOCAL
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.LOCAL)

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.time) -> None:
        super().__init__(desk, Grid(id="local", waiting="loading the vLLM servers on this machine …"))
        self._clock = clock
        self._glance = Lines(id="glance")
        self.log_view = LogView()
        self.log_view.can_focus = False
        self._parts = ServersAndGlance(self.grid, Below(self._glance, self.log_view))
        self._followed: tuple[str, str] | None = None
        """Name and id of the server whose log is followed."""
        self._reported: tuple[str, ...] = ()

    def body(self) -> Iterable[Widget]:
        yield self._parts

    def on_mount(self) -> None:
        self.set_interval(TICK, self._tick)
        self.show_servers()

    def draw(self, snapshot: Snapshot) -> None:
        del snapshot  # uses of the desk
        self.show_servers()

    def ask(self, query: Query) -> None:
        self.query_ = query
        self.show_servers()

    def show_servers(self) -> None:
        super().show_servers()
        desk, here, now = self.desk, self.desk.local.measured, self._clock()
        servers, filter_ = desk.local.observe().servers, self.query_.filter
        lacking = "" if servers or desk.read_only else desk.local.observe().lacking
        waiting = nothing_runs(lacking, read_only=desk.read_only, filtered=filter_.text)
        self.grid.show(LocalModel(servers, here, filter_, now, pod_keys(here, servers), waiting))
        self._tell_problems()
        self._look_at_cursor()
        self.show_keys()

    def _tick(self) -> None:
        """Update elapsed times while a server loads; draw nothing otherwise."""
        if any(is_loading(server) for server in self.desk.local.states):
            self.show_servers()

    def _tell_problems(self) -> None:
        problems = self.desk.local.observe().problems
        if problems != self._reported:
            self._reported = problems
            if problems:
                self.say(problems[0], Role.WARNING)

    # the server under the cursor

    @property
    def server(self) -> ServerState | None:
        """The server under the cursor."""
        return next((server for server in self.desk.local.states if server.name == self.grid.cursor), None)

    def _look_at_cursor(self) -> None:
        server, now = self.server, self._clock()
        self._parts.set_class(server is None, "empty")
        followed = (server.name, server.record.id) if server is not None else None
        self._lay_out()
        if server is not None:
            width = self._glance.size.width or self.size.width
            lines = server_glance(server, now, width, self._glance.glyphs)[:_GLANCE]
            self._glance.styles.height = len(lines) + 1
            self._glance.show(lambda _width, _glyphs: [*lines, BLANK])
        if followed != self._followed:
            self._followed = followed
            self.log_view.clear()
            if followed is None:
                self.workers.cancel_group(self, "log")
            else:
                self._read()

    @background("log")
    async def _read(self) -> None:
        if self._followed is not None:
            await follow(self.desk, self._followed[0], self.log_view)

    def on_screen_suspend(self) -> None:
        # Another screen is in front: this log is not visible.
        self._followed = None
        self.workers.cancel_group(self, "log")

    def on_screen_resume(self) -> None:
        self.show_servers()

    def _lay_out(self) -> None:
        """Give the table the height of its rows, up to a third of the screen: the log is the main content."""
        if self._parts.has_class("wide") or self._parts.has_class("empty"):
            self.grid.styles.clear_rule("height")
        else:
            self.grid.styles.height = min(len(self.desk.local.states) + 2, max(4, self.size.height // 3))

    def on_resize(self, event: events.Resize) -> None:
        self._parts.set_class(event.size.width >= WIDE, "wide")
        self.call_after_refresh(self._look_at_cursor)

    def on_grid_highlighted(self) -> None:
        self._look_at_cursor()

    def on_grid_selected(self, message: Grid.Selected) -> None:
        self.desk.local_pages.open_server(message.key)
