"""Everything about one vLLM node of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual.binding import BindingType

from console.commands.command import ScreenId
from console.local.views.server import node_lines
from console.screens.base import bindings_of
from console.screens.console import Console
from console.screens.reading import ReadingScreen
from fleet.local.node import NodeState
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.line import Line, Span
from widgets.untrusted import untrusted_name

TICK = 1.0
"""Seconds between looks at the clock while a node loads."""


class LocalNodeScreen(ReadingScreen):
    """One page. ``clock`` is Unix time."""

    where = ScreenId.LOCAL_NODE
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.LOCAL_NODE)

    def __init__(self, console: Console, name: str, clock: Callable[[], float] = time.time) -> None:
        self._node = name
        super().__init__(console)
        self._clock = clock

    @property
    def subject(self) -> str | None:
        return self._node

    def on_mount(self) -> None:
        self.set_interval(TICK, self.show_nodes)
        self.show_nodes()

    def draw(self, snapshot: Snapshot) -> None:
        del snapshot  # the page asks the desk
        self.show_nodes()

    def show_nodes(self) -> None:
        super().show_nodes()
        # Also the first time: asking for the nodes is what begins the looking.
        nodes = self.desk.locally.nodes
        found: NodeState | None = next((node for node in nodes if node.name == self._node), None)
        if found is None:
            gone = Line((Span(f" {untrusted_name(self._node)} is gone", Role.GONE),))
            self.page.show(lambda _width, _glyphs: [gone])
            return
        snapshot, now = self.desk.measured_here, self._clock()
        self.page.show(lambda width, glyphs: node_lines(found, snapshot, now, width, glyphs))
