"""The real ActionService: each request goes over the bridge to the place of its target, the cluster or this machine.

Never imported in read-only mode.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from actions.request import LOCAL_SERVER, Request, Target
from console.session.failure import SessionError

if TYPE_CHECKING:
    from pathlib import Path

    from actions.planning.plan import Plan
    from actions.planning.plan_context import Reads
    from actions.revisions import Revision
    from actions.running.action_run import ActionRun
    from actions.running.runner import Runner
    from console.session.bridge import Bridge
    from console.session.permissions import Permissions
    from console.session.protocol import Changed
    from fleet.model.objects import ClusterId, ObjectRef
    from fleet.model.snapshot import Cluster


class ActionSite:
    """Belongs to the observing loop. Only plans made here are started, and none before the user's identity is known.

    ``connect`` makes the Runner of the selected cluster, and ``identify`` returns the cluster with the user's identity,
    once enough of it is known to plan on; both raise KubeconfigError. ``audit`` is the folder of the audit log.

    A site exists once the first values are on the screen, so acting code is only imported for the first plan.
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
        """Ids of the plans made on the selected cluster."""
        self._states: dict[str, ActionRun] = {}

    @property
    def action_runs(self) -> tuple[ActionRun, ...]:
        """All actions of this session, on any cluster; from any thread."""
        return tuple(self._states.values())

    @property
    def is_acting(self) -> bool:
        """True while an action of this site runs."""
        return self._runner is not None and any(one.outcome is None for one in self._states.values())

    async def plan(self, request: Request) -> Plan:
        """Plan a request. Raises ClusterError, LocalError, and OtherClusterError."""
        await self._identify()
        return self._note_plan(await self._connected().executor.plan(request))

    async def undo(self) -> Plan:
        """A plan that takes back this person's last action here. Raises as ``plan``, and SessionError."""
        from actions.audit.opened_logs import open_folder
        from actions.audit.who import Who
        from actions.undo import plan_undo

        cluster = await self._identify()
        executor = self._connected().executor
        try:
            log = await asyncio.to_thread(open_folder, self._audit)
        except OSError as error:
            raise SessionError(f"the audit log cannot be read: {error}") from error
        who = Who.of_this_process(cluster.user, cluster.groups)
        return self._note_plan(await plan_undo(log.actions, who, executor))

    async def start(self, plan: Plan, reason: str, confirmation: str) -> ActionRun:
        """Carry out a plan of ours. Raises SessionError."""
        from actions.audit.errors import AuditError
        from actions.running.runner import PlanRefusedError

        if plan.id not in self._planned:
            raise SessionError("it was planned for a different cluster than the one in view", "Plan it again here.")
        try:
            state = self._connected().start(plan, reason, confirmation)
        except (PlanRefusedError, AuditError) as error:
            raise SessionError(str(error)) from error
        self._keep(state)
        return state

    def stop(self, id: str) -> None:  # noqa: A002 - the run's
        """Stop an action, if it is a running one of ours."""
        state = self._states.get(id)
        if self._runner is not None and state is not None and state.outcome is None:
            self._runner.stop(id)

    async def reviewed(self, id: str) -> None:  # noqa: A002 - the recorded action's
        """Record that a user has reviewed an interrupted action. Raises SessionError."""
        from actions.audit.errors import AuditError

        try:
            await self._connected().reviewed(id)
        except AuditError as error:
            raise SessionError(str(error)) from error

    async def disconnect(self) -> None:
        """Stop running actions, and record that: another cluster is selected, or the console ends."""
        runner, self._runner = self._runner, None
        self.forget_plans()
        if runner is not None:
            await runner.close()

    def forget_plans(self) -> None:
        """Start none of the plans made so far: the view is another."""
        self._planned = set()

    def _connected(self) -> Runner:
        if self._runner is None:
            self._runner = self._connect(self._keep)
        return self._runner

    def _note_plan(self, plan: Plan) -> Plan:
        self._planned.add(plan.id)
        return plan

    def _keep(self, state: ActionRun) -> None:
        # A new mapping each time: the console's thread may be reading the old one.
        self._states = {**self._states, state.id: state}
        self._changed(state)


class SessionActions:
    """The actions of a session. Those on this machine continue when another cluster is selected.

    ``is_local`` returns whether this machine is selected; ``reads`` is called on the observing loop and raises
    KubeconfigError if there is no cluster, and SessionError if it is another. ``audit`` is the folder of the audit log
    for the cluster's actions.
    """

    def __init__(
        self,
        bridge: Bridge,
        cluster: ActionSite,
        machine: ActionSite,
        is_local: Callable[[], bool],
        reads: Callable[[ClusterId], Reads],
        permissions: Permissions,
        audit: Path,
    ) -> None:
        self._bridge = bridge
        self._cluster = cluster
        self._machine = machine
        self._is_local = is_local
        self._reads = reads
        self._permissions = permissions
        self._audit = audit

    def _site(self, target: Target) -> ActionSite:
        return self._machine if target.is_server else self._cluster

    async def plan(self, request: Request) -> Plan:
        return await self._bridge.call(self._site(request.target).plan(request))

    async def undo(self, *, here: bool = False) -> Plan:
        site = self._machine if here or self._is_local() else self._cluster
        return await self._bridge.call(site.undo())

    async def revisions(self, target: Target) -> Sequence[Revision]:
        return await self._bridge.call(self._revisions(target))

    async def _revisions(self, target: Target) -> Sequence[Revision]:
        from actions.revisions import revisions

        return await revisions(target, self._reads(target.cluster))

    async def start(self, plan: Plan, reason: str, confirmation: str) -> ActionRun:
        return await self._bridge.call(self._site(plan.target).start(plan, reason, confirmation))

    def stop(self, id: str) -> None:  # noqa: A002 - the run's
        """Stop an action: a site ignores an unknown id."""
        for site in (self._cluster, self._machine):
            self._bridge.post(site.stop, id)

    @property
    def action_runs(self) -> tuple[ActionRun, ...]:
        every = (*self._cluster.action_runs, *self._machine.action_runs)
        return tuple(sorted(every, key=lambda action_run: -action_run.begun))

    def denied(self, kind: str, target: ObjectRef) -> str | None:
        """Return None: on this machine the plan reports what the system forbids."""
        return None if target.kind == LOCAL_SERVER else self._permissions.denied(kind, target)

    async def cut_off(self) -> Sequence[tuple[str, float]]:
        return await self._bridge.call(_cut_off(self._audit))

    async def reviewed(self, id: str) -> None:  # noqa: A002 - the recorded action's
        """Record it with this machine's runner, which exists without a cluster too."""
        await self._bridge.call(self._machine.reviewed(id))


async def _cut_off(audit: Path) -> Sequence[tuple[str, float]]:
    from actions.audit.history import unfinished

    try:
        found = await asyncio.to_thread(unfinished, audit)
    except OSError as error:
        raise SessionError(f"the audit log cannot be read: {error}") from error
    return [(action.title, action.began) for action in found]
