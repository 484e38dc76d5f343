"""A place where actions are done: the cluster in view, or this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from console.session.failure import SessionError

if TYPE_CHECKING:
    from pathlib import Path

    from actions.action_run import ActionRun
    from actions.plan import Plan
    from actions.request import Request
    from actions.runner import Runner
    from console.session.protocol import Changed
    from fleet.model.snapshot import Cluster


class ActionSite:
    """Belongs to the observing loop. Only what was planned here is started, and nothing before it is known who acts.

    ``connect`` makes the Runner of what is in view now, and ``identify`` gives the cluster with who we are to it, once
    enough of it is known to plan on; both raise KubeconfigError. ``audit`` is the folder of the audit log.

    There is a site from the first values on the screen on, so what acts is imported with the first plan.
    """

    def __init__(
        self,
        connect: Callable[[Callable[[ActionRun], None]], Runner],
        identify: Callable[[], Awaitable[Cluster]],
        audit: Path,
        changed: Changed,
    ) -> None:
        self._connect = connect
        self._identify = identify
        self._audit = audit
        self._changed = changed
        self._runner: Runner | None = None
        self._planned: set[str] = set()
        """Ids of the plans that were made on what is in view."""
        self._states: dict[str, ActionRun] = {}

    @property
    def action_runs(self) -> tuple[ActionRun, ...]:
        """All of this session, whatever was in view; from any thread."""
        return tuple(self._states.values())

    async def plan(self, request: Request) -> Plan:
        """Raises KubeError, KubeconfigError, LocalError, and SessionError for what is of another cluster."""
        from actions.runner import RefusedError

        await self._identify()
        try:
            return self._kept(await self._connected().plan(request))
        except RefusedError as error:
            raise SessionError(str(error)) from error

    async def undo(self) -> Plan:
        """A plan that takes back this person's last action here. Raises as ``plan``, and SessionError."""
        from actions.audit.opened import open_folder
        from actions.audit.who import Who

        cluster = await self._identify()
        runner = self._connected()
        try:
            log = await asyncio.to_thread(open_folder, self._audit)
        except OSError as error:
            raise SessionError(f"the audit log cannot be read: {error}") from error
        return self._kept(await runner.plan_undo(log.actions, Who.here(cluster.user, cluster.groups)))

    async def start(self, plan: Plan, reason: str, confirmation: str) -> ActionRun:
        """Carry out a plan of ours. Raises SessionError."""
        from actions.audit.errors import AuditError
        from actions.runner import RefusedError

        if plan.id not in self._planned:
            raise SessionError("it was planned for another cluster than the one in view", "Plan it again here.")
        try:
            state = self._connected().start(plan, reason, confirmation)
        except (RefusedError, AuditError) as error:
            raise SessionError(str(error)) from error
        self._keep(state)
        return state

    def stop(self, id: str) -> None:  # noqa: A002 - the run's
        """Do nothing more of it, if it is one of ours that is under way."""
        state = self._states.get(id)
        if self._runner is not None and state is not None and state.outcome is None:
            self._runner.stop(id)

    async def reviewed(self, id: str) -> None:  # noqa: A002 - the recorded action's
        """Write down that a person has looked at an action that was cut off. Raises SessionError."""
        from actions.audit.errors import AuditError

        try:
            await self._connected().reviewed(id)
        except AuditError as error:
            raise SessionError(str(error)) from error

    async def disconnect(self) -> None:
        """Something else comes into view, or the console ends: what is under way stops, and the record says so."""
        runner, self._runner = self._runner, None
        self._planned = set()
        if runner is not None:
            await runner.close()

    def _connected(self) -> Runner:
        if self._runner is None:
            self._runner = self._connect(self._keep)
        return self._runner

    def _kept(self, plan: Plan) -> Plan:
        self._planned.add(plan.id)
        return plan

    def _keep(self, state: ActionRun) -> None:
        # A new mapping each time: the console's thread may be reading the old one.
        self._states = {**self._states, state.id: state}
        self._changed(state)
