"""The part of the desk that changes things: plans, their confirmation, and the actions that are under way.

In read-only mode there is nothing behind it: ``acting`` is None, and what acts is never imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from console.commands.command import OWN, ScreenId
from console.screens.base import ConsoleScreen
from console.session.failure import SessionError
from console.session.protocol import Session
from console.views.since import clock
from fleet.model.snapshot import Snapshot
from themes.palette import Role

if TYPE_CHECKING:
    from textual.app import App

    from actions.action_run import ActionRun
    from actions.request import Request, Target
    from console.screens.console import Console
    from console.session.protocol import ActionService, Changed


class ActingDesk:
    """Base of ConsoleDesk. ``changed`` is what the session calls with each new state, from any thread."""

    session: Session
    snapshot: Snapshot | None

    def __init__(self, app: App[None], changed: Changed) -> None:
        self._app = app
        self._changed = changed
        self._acting: ActionService | None = None
        self._announced: set[str] = set()

    # what the whole desk gives

    @property
    def read_only(self) -> bool:
        raise NotImplementedError

    @property
    def _console(self) -> Console:
        raise NotImplementedError

    @property
    def front(self) -> ConsoleScreen | None:
        raise NotImplementedError

    def say(self, text: str, role: Role = Role.TEXT) -> None:
        raise NotImplementedError

    def _open(self, screen: ConsoleScreen) -> None:
        raise NotImplementedError

    # Console

    @property
    def acting(self) -> ActionService | None:
        if self.read_only or self.snapshot is None:
            return None
        if self._acting is None:
            self._acting = self.session.acting(self._changed)
            self._app.run_worker(self._tell_what_was_cut_off(), group="cut off", exit_on_error=False)
        return self._acting

    @property
    def looks_here(self) -> bool:
        """Whether this machine is looked at: on a screen of its own, or as the context in view."""
        on_its_screen = self.front is not None and self.front.where in OWN
        return on_its_screen or (self.snapshot is not None and self.snapshot.is_machine)

    @property
    def under_way(self) -> int:
        return 0 if self._acting is None else sum(u.outcome is None for u in self._acting.action_runs)

    def follow(self, id: str) -> None:  # noqa: A002 - the run's
        from console.screens.actions import ActionScreen

        # What it was planned with, and the form behind that, have done their part.
        while (front := self.front) is not None and front.where in {ScreenId.PLAN, ScreenId.FORM}:
            self._app.pop_screen()
        self._open(ActionScreen(self._console, id))

    def confirm(self, title: str, lines: Sequence[str], stay: str, go: str, then: Callable[[], None]) -> None:
        from console.screens.confirm import ConfirmScreen

        self._open(ConfirmScreen(self._console, title, lines, stay, go, then))

    # Desk

    def leave(self) -> None:
        front = self.front
        if not self.under_way or self._acting is None or (front is not None and front.where is ScreenId.CONFIRM):
            self._app.exit()
            return
        from console.views.action_runs import going_on

        self.confirm("Quit?", going_on(self._acting.action_runs), "Stay", "Quit", self._app.exit)
        self.say("ctrl-c again quits")

    def going_on(self) -> list[str]:
        """What is under way, for one who leaves; nothing where nothing is."""
        if not self.under_way or self._acting is None:
            return []
        from console.views.action_runs import going_on

        return going_on(self._acting.action_runs)

    def open_plan(self, request: Request) -> None:
        from console.screens.plan import PlanScreen

        if self.acting is not None:
            from actions.request import LOCAL_SERVER

            is_here = request.target.kind == LOCAL_SERVER
            reading = (lambda: self._console.locally.reading) if is_here else None
            self._open(PlanScreen(self._console, partial(self.acting.plan, request), reading))

    def open_undo(self) -> None:
        from console.screens.plan import PlanScreen

        if self.acting is not None:
            self._open(PlanScreen(self._console, partial(self.acting.undo, here=self._undoes_here)))

    @property
    def _undoes_here(self) -> bool:
        """Whether an undo is meant for this machine: by the action that is shown, else by what is looked at."""
        from console.screens.actions import ActionScreen

        shown = self.front.action_run if isinstance(self.front, ActionScreen) else None
        if shown is None:
            return self.looks_here
        from actions.request import LOCAL_SERVER

        return shown.plan.target.kind == LOCAL_SERVER

    def open_revisions(self, target: Target) -> None:
        from console.screens.revisions import RevisionsScreen

        self._open(RevisionsScreen(self._console, target))

    def open_actions(self) -> None:
        from console.screens.actions import ActionsScreen

        self._open(ActionsScreen(self._console))

    # what the session tells

    def show_action_run(self, action_run: ActionRun | None) -> None:
        """A new state of an action; None where only a permission has become known."""
        front = self.front
        if front is None:
            return
        if action_run is None:
            front.show_keys()
            return
        front.show_action_runs()
        if action_run.outcome is not None and action_run.id not in self._announced:
            self._announced.add(action_run.id)
            from console.views.action_runs import announcement

            self.say(*announcement(action_run))

    async def _tell_what_was_cut_off(self) -> None:
        acting = self._acting
        if acting is None:
            return
        try:
            found = await acting.cut_off()
        except SessionError as error:
            self.say(f"{error.problem}; nothing can be changed until it can", Role.WARNING)
            return
        if found:
            last = clock(found[-1][1])
            what = f"1 action was cut off at {last}" if len(found) == 1 else f"{len(found)} actions were cut off"
            self.say(f"{what}; :audit shows what is known", Role.WARNING)

    def may_switch(self) -> bool:
        """Whether another cluster may come into view: not while actions on this one are under way.

        Those on servers of this machine go on, whatever is in view.
        """
        if self._acting is None:
            return True
        from actions.request import LOCAL_SERVER

        known = self._acting.action_runs
        here = [u for u in known if u.outcome is None and u.plan.target.kind != LOCAL_SERVER]
        if here:
            self.say("actions are under way here; stop them (t shows them) or wait to look elsewhere", Role.WARNING)
        return not here
