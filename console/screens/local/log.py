"""The log of a vLLM server on this machine, as it is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import background, bindings_of
from console.screens.local.follow import follow
from console.screens.log_base import LogScreen
from console.views.pod_logs import dropped_text
from widgets.untrusted import untrusted_name


class LocalLogScreen(LogScreen):
    """A server's log, from its beginning or its last 5,000 lines on; follows it."""

    where = ScreenId.LOCAL_LOG
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.LOCAL_LOG)

    def __init__(self, desk: Desk, name: str) -> None:
        self._server = name
        self._ended = False
        super().__init__(desk)

    @property
    def subject(self) -> str | None:
        return self._server

    @property
    def log_name(self) -> str:
        return self._server

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self.log_view

    def on_mount(self) -> None:
        self._show_title()
        self._read()

    @background("logs")
    async def _read(self) -> None:
        await follow(self.desk, self._server, self.log_view, self._end)

    def _end(self) -> None:
        self._ended = True
        self._show_title()

    def _show_title(self) -> None:
        state = ["following" if self.log_view.following else "paused"] + ["ended"] * self._ended
        if (fate := self._fate()) is not None:
            state.append(fate)
        if self.log_view.dropped:
            state.append(dropped_text(self.log_view.dropped))
        self.show_title(untrusted_name(self._server), " · ".join(state))

    def _fate(self) -> str | None:
        """Return why nothing more will come; None while it may."""
        server = next((server for server in self.desk.local.observe().servers if server.name == self._server), None)
        if server is None:
            return "it is gone"
        return None if server.alive else "it has died"

    def show_servers(self) -> None:
        super().show_servers()
        self._show_title()

    def on_log_view_state_changed(self) -> None:
        self._show_title()
