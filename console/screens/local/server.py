"""The details of one vLLM server on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual.binding import BindingType

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import bindings_of
from console.screens.reading import ReadingScreen
from console.views.local.server import server_lines
from fleet.local.server import ServerState
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.line import Line, Span
from widgets.untrusted import untrusted_name

TICK = 1.0
"""Seconds between updates of the elapsed time while a server loads."""


class LocalServerScreen(ReadingScreen):
    """One page. ``clock`` is Unix time."""

    where = ScreenId.LOCAL_SERVER
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.LOCAL_SERVER)

    def __init__(self, desk: Desk, name: str, clock: Callable[[], float] = time.time) -> None:
        self._server = name
        super().__init__(desk)
        self._clock = clock

    @property
    def subject(self) -> str | None:
        return self._server

    def on_mount(self) -> None:
        self.set_interval(TICK, self.show_servers)
        self.show_servers()

    def draw(self, snapshot: Snapshot) -> None:
        del snapshot  # uses of the desk
        self.show_servers()

    def show_servers(self) -> None:
        super().show_servers()
        # Also the first time: requesting the servers starts the observation.
        servers = self.desk.local.observe().servers
        found: ServerState | None = next((server for server in servers if server.name == self._server), None)
        if found is None:
            gone = Line((Span(f" {untrusted_name(self._server)} is gone", Role.GONE),))
            self.page.show(lambda _width, _glyphs: [gone])
            return
        snapshot, now = self.desk.local.measured, self._clock()
        self.page.show(lambda width, glyphs: server_lines(found, snapshot, now, width, glyphs))
