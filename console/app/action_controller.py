"""Plans, their confirmation, and running actions.

In read-only mode it has no backend: ``service`` is None, and acting code is never imported.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from console.commands.command import ScreenId
from console.session.failure import SessionError
from console.views.severity_since import clock
from fleet.kinds.registry import listed
from fleet.model.counting import count
from fleet.model.snapshot import Health
from themes.palette import Role

if TYPE_CHECKING:
    from textual.app import App
    from textual.worker import WorkType

    from actions.request import Request, Target
    from actions.running.action_run import ActionRun
    from console.app.local_controller import LocalController
    from console.app.navigator import Navigator
    from console.commands.desk import Desk
    from console.session.protocol import ActionService, Changed


LOG_AFTER: Final = 0.5
"""Seconds from the first Snapshot until the audit log is read for actions that were interrupted."""


_USUAL: Final = ("scale", "restart", "rollback")
"""Kinds of actions on a workload: a user permitted none of these may not act."""


class ActionController:
    """Implements console.commands.desk.ActionController.

    The session calls ``changed`` with each new state of an action, from any thread.
    """

    def __init__(
        self, app: App[None], desk: Desk, navigator: Navigator, local: LocalController, changed: Changed
    ) -> None:
        self._app = app
        self._desk = desk
        self._navigator = navigator
        self._local = local
        self._changed = changed
        self._service: ActionService | None = None
        self._announced: set[str] = set()

    @property
    def service(self) -> ActionService | None:
        if self._desk.read_only or self._desk.snapshot is None:
            return None
        if self._service is None:
            self._service = self._desk.session.actions(self._changed)
            # The first Snapshot needs this service: the log is read once its values are on the screen.
            self._app.set_timer(LOG_AFTER, partial(self._look_for_what_was_cut_off, self._service))
        return self._service

    def _look_for_what_was_cut_off(self, service: ActionService) -> None:
        work: WorkType[None] = partial(self._tell_what_was_cut_off, service)
        self._app.run_worker(work, group="cut off", exit_on_error=False)

    @property
    def _runs(self) -> tuple[ActionRun, ...]:
        """Return the actions of this session, without creating the service."""
        return self._service.action_runs if self._service is not None else ()

    @property
    def under_way(self) -> int:
        return sum(run.outcome is None for run in self._runs)

    def may_act(self) -> bool:
        snapshot, service = self._desk.snapshot, self.service
        if snapshot is None or service is None:
            return True
        row = next((row for row in snapshot.workloads.values() if row.uid), None)
        if row is not None:
            ref = snapshot.ref(row.kind, row.namespace, row.name)
        elif (objects := snapshot.of_objects) is not None and objects.health is Health.DEGRADED:
            # Nothing may be read: what may be done to any workload is asked for the whole view.
            ref = snapshot.ref(listed()[0].kind, snapshot.cluster.namespace, "")
        else:
            return True
        # The first permitted action ends the check: for most users that is one table look-up.
        return not all(service.denied(kind, ref) for kind in _USUAL)

    @property
    def changing(self) -> frozenset[str]:
        """The uids of the servers on this machine that are being acted on."""
        return frozenset(run.plan.target.uid for run in self._runs if run.plan.target.is_server and run.outcome is None)

    def going_on(self) -> list[str]:
        """Return the actions under way, for one who leaves; none where none is."""
        if not self.under_way:
            return []
        from console.views.action_runs import going_on

        return going_on(self._runs)

    def may_switch(self) -> bool:
        """True if another cluster may be selected: not while actions on this one are running, which is then shown.

        Actions on servers on this machine continue, whatever the view.
        """
        if not self.under_way:
            return True
        here = [run for run in self._runs if run.outcome is None and not run.plan.target.is_server]
        if here:
            words = "actions are still running here; stop them (t lists them) or wait before switching"
            self._navigator.say(words, Role.WARNING)
        return not here

    def open_plan(self, request: Request) -> None:
        from console.screens.plan import PlanScreen

        service, desk = self.service, self._desk
        if service is not None:
            reading = (lambda: self._local.observe().reading) if request.target.is_server else None
            self._navigator.open(PlanScreen(desk, partial(service.plan, request), reading))

    async def execute(self, request: Request) -> None:
        service = self.service
        if service is not None:
            from actions.running.runner import NOT_ASKED

            plan = await service.plan(request)
            await service.start(plan, request.reason, NOT_ASKED)

    def open_undo(self) -> None:
        from console.screens.plan import PlanScreen

        service, snapshot, shown = self.service, self._desk.snapshot, self._shown
        if service is None or snapshot is None:
            return
        here = self._local.is_looked_at if shown is None else shown.plan.target.is_server
        if shown is not None and not here and shown.plan.scope.cluster != snapshot.cluster.id:
            words = f"“{shown.plan.title}” was done on {shown.plan.scope.cluster}, which is not in view"
            self._navigator.say(words, Role.WARNING)
            return
        self._navigator.open(PlanScreen(self._desk, partial(service.undo, here=here)))

    @property
    def _shown(self) -> ActionRun | None:
        """Return the action on the front screen, which an undo then applies to."""
        from console.screens.actions import ActionScreen

        front = self._navigator.front
        return front.action_run if isinstance(front, ActionScreen) else None

    def open_revisions(self, target: Target) -> None:
        from console.screens.revisions import RevisionsScreen

        self._navigator.open(RevisionsScreen(self._desk, target))

    def open_actions(self) -> None:
        from console.screens.actions import ActionsScreen

        self._navigator.open(ActionsScreen(self._desk))

    def follow(self, id: str) -> None:  # noqa: A002 - the run's
        from console.screens.actions import ActionScreen

        # The plan's screen and the form below it are no longer needed.
        self._navigator.close({ScreenId.PLAN, ScreenId.FORM})
        self._navigator.open(ActionScreen(self._desk, id))

    def show(self, action_run: ActionRun | None) -> None:
        """Show a new state of an action; without one, that a permission has become known."""
        front = self._navigator.front
        if front is None:
            return
        if action_run is None:
            front.show_keys()
            return
        front.show_action_runs()
        if action_run.outcome is not None and action_run.id not in self._announced:
            self._announced.add(action_run.id)
            from actions.catalogue import is_record
            from console.views.action_runs import announcement

            self._navigator.say(*announcement(action_run), is_event=True)
            if is_record(action_run.plan.request):
                # The user who has just written it wants to see it.
                self._desk.session.refresh()

    async def _tell_what_was_cut_off(self, service: ActionService) -> None:
        try:
            found = await service.cut_off()
        except SessionError as error:
            self._navigator.say(
                f"{error.message}; actions are disabled until this is fixed", Role.WARNING, is_event=True
            )
            return
        if found:
            last = clock(found[-1][1])
            what = (
                f"1 action was interrupted at {last}"
                if len(found) == 1
                else f"{count(len(found), 'action')} were interrupted"
            )
            self._navigator.say(f"{what}; :audit shows what was recorded", Role.WARNING, is_event=True)
