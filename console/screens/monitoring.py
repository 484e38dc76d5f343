"""Checks of monitoring itself, run once when the screen is opened: they cost queries."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from console.commands.command import ScreenId
from console.screens.base import background, bindings_of
from console.screens.reading import ReadingScreen
from console.session.failure import SessionError
from console.views.alerts import rules_of
from console.views.monitoring import monitoring_lines
from themes.palette import Role
from widgets.line import Line, Span


class MonitoringScreen(ReadingScreen):
    """The faults of rules and targets."""

    where = ScreenId.MONITORING
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.MONITORING)

    def on_mount(self) -> None:
        self._say("comparing rules with existing series …")
        self._load()

    @background("read")
    async def _load(self) -> None:
        snapshot = self.desk.snapshot
        if snapshot is None:
            self._say("nothing is known yet")
            return
        try:
            examined = await self.desk.session.monitoring(snapshot.cluster.id, rules_of(snapshot))
        except SessionError as error:
            self.say(error.in_a_line, Role.ERROR)
            self._say(error.message)
            return
        self.page.show(partial(monitoring_lines, examined))

    def _say(self, text: str) -> None:
        self.page.show(lambda _width, _glyphs: [Line((Span(f" {text}", Role.DIM),))])
