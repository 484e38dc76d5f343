"""Nodes and GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import ClassVar, Final

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import bindings_of
from console.screens.table import TableScreen
from console.views.columns import sortable, sorted_quantity
from console.views.node_columns import COLUMNS, FREE, SICK
from console.views.nodes import nodes_model, served_model
from console.views.subject import place_of, pod_for
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from widgets.grid import Grid, WorstFirst

_ONLY: Final[Mapping[str, str]] = {FREE: "free GPUs", SICK: "sick GPUs, and those of sick pods"}


class NodesScreen(TableScreen):
    """One row per GPU under its node; it opens with the cursor on the GPU of the previous screen's object."""

    where = ScreenId.NODES
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.NODES)

    def __init__(self, desk: Desk, start: str | None) -> None:
        self._start = start
        self._order = WorstFirst()
        super().__init__(desk, Grid(waiting="loading nodes …", open_all=True))

    def body(self) -> Iterable[Widget]:
        yield self.grid

    def draw(self, snapshot: Snapshot) -> None:
        self.grid.show(nodes_model(snapshot, self.query_, self._order))
        place = place_of(snapshot, self._start)
        if place is not None and self.grid.move_to(place):
            self._start = None

    @property
    def sorted_quantity(self) -> Quantity | None:
        return sorted_quantity(COLUMNS, self.query_.sort)

    @property
    def sortable(self) -> frozenset[str]:
        return sortable(COLUMNS)

    def toggle_others(self) -> None:
        self.ask(replace(self.query_, others=not self.query_.others))

    def show_only(self, which: str) -> None:
        model = ""
        if which == "model":
            snapshot, key = self.desk.snapshot, self.subject
            model = (
                served_model(snapshot, key) if snapshot is not None and key is not None and key in snapshot.gpus else ""
            )
            if not model and not self.narrowed.startswith("model:"):
                self.say("nothing under the cursor serves a model")
                return
            # The user continues to type it, so no more is escaped than necessary.
            escaped = re.escape(model).replace("\\-", "-")
            which = f"model:{escaped}" if model else self.narrowed
        # The same key again shows all; another one asks something else.
        self.narrow("" if self.narrowed == which else which)
        shown = _ONLY.get(which, f"GPUs of {model}" if which.startswith("model:") else which)
        self.say(f"only {shown}; esc shows all" if self.narrowed else "")

    def on_grid_selected(self, message: Grid.Selected) -> None:
        snapshot = self.desk.snapshot
        if snapshot is not None and message.key in snapshot.nodes:
            self.desk.pages.open_describe(snapshot.ref("Node", "", message.key))
            return
        pod = pod_for(snapshot, message.key) if snapshot is not None else None
        if pod is not None:
            self.desk.pages.open_detail(pod)
        else:
            self.say("no pod holds it")
