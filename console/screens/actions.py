"""Confirmed actions: one with its steps, and the list of all actions of this session."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from actions.running.action_run import ActionRun
from actions.undo import why_not
from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import bindings_of
from console.screens.lines import Lines
from console.screens.reading import ReadingScreen
from console.screens.table import TableScreen
from console.views.action_runs import ActionsModel, action_run_lines, action_run_title
from console.views.query import Query
from fleet.model.snapshot import Snapshot
from widgets.grid import Grid


class ActionScreen(ReadingScreen):
    """The screen of one action, which continues when the screen is left and can be reopened. ``clock`` is Unix time."""

    where = ScreenId.ACTION
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.ACTION)
    DEFAULT_CSS = """
    ActionScreen #title {
        height: 1;
    }
    """

    def __init__(self, desk: Desk, id: str, clock: Callable[[], float] = time.time) -> None:  # noqa: A002
        self.action_id = id
        super().__init__(desk)
        self._clock = clock
        self._title = Lines(id="title")

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self.page

    def on_mount(self) -> None:
        self.show_action_runs()

    @property
    def subject(self) -> str | None:
        return self.action_id

    def draw(self, snapshot: Snapshot) -> None:
        del snapshot  # time to update the elapsed time
        self.show_action_runs()

    @property
    def action_run(self) -> ActionRun | None:
        """The action as it is now."""
        acting = self.desk.actions.service
        return (
            next((run for run in acting.action_runs if run.id == self.action_id), None) if acting is not None else None
        )

    def show_action_runs(self) -> None:
        super().show_action_runs()
        found, now = self.action_run, self._clock()
        if found is not None:
            self._title.show(lambda width, glyphs: [action_run_title(found, now, width, glyphs)])
            lack = self._why_not(found)
            self.page.show(lambda width, glyphs: action_run_lines(found, width, glyphs, lack))

    def _why_not(self, found: ActionRun) -> str:
        acting, snapshot = self.desk.actions.service, self.desk.snapshot
        if found.outcome is None or acting is None or snapshot is None:
            return ""
        if not found.plan.target.is_server and found.plan.scope.cluster != snapshot.cluster.id:
            return "another cluster is in view"
        return why_not(found, acting.action_runs, snapshot)

    def stop_action(self) -> None:
        found, acting = self.action_run, self.desk.actions.service
        if found is None or acting is None:
            return
        lines = ["What was sent stays sent; the remaining steps are skipped, and the action is no longer followed."]
        if found.plan.undo.text:
            lines.append(f"undo: {found.plan.undo.text}")
        title = f"Stop: {found.plan.title}?"
        self.desk.navigator.confirm(title, lines, "Continue", "Stop", lambda: acting.stop(found.id))

    def plan_again(self) -> None:
        found = self.action_run
        if found is not None:
            self.desk.actions.open_plan(found.plan.request)


class ActionsScreen(TableScreen):
    """The newest first; enter shows one."""

    where = ScreenId.ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.ACTIONS)
    enter = "open"

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            desk, Grid(waiting="nothing was done in this session\n:audit shows what was done before, and by others")
        )

    def on_mount(self) -> None:
        self.ask(self.query_)

    def show_action_runs(self) -> None:
        super().show_action_runs()
        self.ask(self.query_)

    def ask(self, query: Query) -> None:
        self.query_ = query
        acting = self.desk.actions.service
        if acting is not None:
            self.grid.show(ActionsModel(acting.action_runs, query.filter))

    def on_grid_selected(self, message: Grid.Selected) -> None:
        self.desk.actions.follow(message.key)
