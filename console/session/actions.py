"""What the screens need to change something, and the real one: a Runner on the loop of the observing session.

Never imported in read-only mode: there is nothing to act with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from actions.audit.errors import AuditError
from actions.permissions import Permission, needed
from actions.request import Kind, Request, Target
from console.session.failure import SessionError
from fleet.model.objects import ObjectRef
from fleet.sources.kube.errors import KubeconfigError, KubeError

if TYPE_CHECKING:
    from pathlib import Path

    from actions.action_run import ActionRun
    from actions.plan import Plan
    from actions.plan_context import Reads
    from actions.revisions import Revision
    from actions.runner import Runner
    from fleet.model.snapshot import Cluster

Ask = Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]
"""Runs a coroutine on the observing loop; raises SessionError for whatever goes wrong there."""
Changed = Callable[["ActionRun | None"], None]
"""Called on any thread with each new state of an action; with None where a permission has become known."""


class ActionService(Protocol):
    """Actions on the cluster in view. All awaitables run on the caller's event loop and raise SessionError only."""

    async def plan(self, request: Request) -> Plan:
        """What would happen, and what stands against it. Changes nothing."""
        ...

    async def undo(self, *, here: bool = False) -> Plan:
        """A plan that takes back the last action of this person on this cluster.

        ``here``: on this machine's nodes, whatever cluster is in view.
        """
        ...

    async def revisions(self, target: Target) -> Sequence[Revision]:
        """The revisions that a workload can be rolled back to, newest first."""
        ...

    async def start(self, plan: Plan, reason: str, confirmation: str) -> ActionRun:
        """Carry a confirmed plan out; it goes on when nobody looks. ``confirmation``: how the person confirmed."""
        ...

    def stop(self, id: str) -> None:  # noqa: A002 - the run's
        """Do nothing more of it; what was sent stays."""
        ...

    @property
    def action_runs(self) -> tuple[ActionRun, ...]:
        """All of this session, newest first."""
        ...

    def denied(self, kind: Kind, target: ObjectRef) -> str | None:
        """Why this identity may not do that, in words; None where it may, and while that is being asked."""
        ...

    async def cut_off(self) -> Sequence[tuple[str, float]]:
        """Title and time (Unix) of the actions that the audit log has no end of and nobody has looked at."""
        ...

    async def reviewed(self, id: str) -> None:  # noqa: A002 - the recorded action's
        """A person has looked at one of those: it is not told of again."""
        ...


class ClusterActions:
    """Actions on the cluster in view, run on the observing loop.

    ``connect``, ``reads`` and ``identify`` are called on that loop, and raise KubeconfigError.

    ``identify`` gives the cluster with who we are to it, once enough of it is known to plan on; ``audit`` is the folder
    of the audit log.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ask: Ask,
        connect: Callable[[Callable[[ActionRun], None]], Runner],
        reads: Callable[[], Reads],
        identify: Callable[[], Awaitable[Cluster]],
        audit: Path,
        changed: Changed,
    ) -> None:
        self._loop = loop
        self._ask = ask
        self._connect = connect
        self._reads = reads
        self._identify = identify
        self._audit = audit
        self._changed = changed
        self._runner: Runner | None = None
        self._planned: set[str] = set()
        """Plans that were made on the cluster in view."""
        self._states: dict[str, ActionRun] = {}
        self._answers: dict[tuple[Permission, str], bool | None] = {}
        """What may be done in a namespace (empty: the cluster); None while the server is asked."""

    # The console's side.

    async def plan(self, request: Request) -> Plan:
        plan: Plan = await self._ask(self._plan(request))
        return plan

    async def undo(self, *, here: bool = False) -> Plan:
        """``here`` is known by which of two it is asked of (console.session.routing)."""
        del here
        plan: Plan = await self._ask(self._undo())
        return plan

    async def revisions(self, target: Target) -> Sequence[Revision]:
        found: Sequence[Revision] = await self._ask(self._revisions(target))
        return found

    async def start(self, plan: Plan, reason: str, confirmation: str) -> ActionRun:
        state: ActionRun = await self._ask(self._start(plan, reason, confirmation))
        return state

    def stop(self, id: str) -> None:  # noqa: A002 - the run's
        self._loop.call_soon_threadsafe(self._stop, id)

    @property
    def action_runs(self) -> tuple[ActionRun, ...]:
        return tuple(reversed(self._states.values()))

    def denied(self, kind: Kind, target: ObjectRef) -> str | None:
        """The server is asked once per permission and namespace."""
        for permission in needed(kind, target.kind):
            key = (permission, target.namespace if permission.namespaced else "")
            if key not in self._answers:
                self._answers[key] = None
                asyncio.run_coroutine_threadsafe(self._review(*key), self._loop)
            elif self._answers[key] is False:
                where = f" in {target.namespace}" if permission.namespaced and target.namespace else ""
                return f"you may not {permission}{where}"
        return None

    async def cut_off(self) -> Sequence[tuple[str, float]]:
        found: Sequence[tuple[str, float]] = await self._ask(self._cut_off())
        return found

    async def reviewed(self, id: str) -> None:  # noqa: A002 - the recorded action's
        await self._ask(self._reviewed(id))

    # The observing loop's side.

    async def disconnect(self) -> None:
        """The cluster in view changes, or the console ends: what is under way stops, and the record says so."""
        runner, self._runner = self._runner, None
        self._planned, self._answers = set(), {}
        if runner is not None:
            await runner.close()

    def _connected(self) -> Runner:
        if self._runner is None:
            self._runner = self._connect(self._keep)
        return self._runner

    async def _plan(self, request: Request) -> Plan:
        await self._identify()
        runner = self._connected()
        plan = await runner.plan(request)
        self._planned.add(plan.id)
        return plan

    async def _start(self, plan: Plan, reason: str, confirmation: str) -> ActionRun:
        from actions.runner import RefusedError

        if plan.id not in self._planned:
            raise SessionError("it was planned for another cluster than the one in view", "Plan it again here.")
        runner = self._connected()
        try:
            state = runner.start(plan, reason, confirmation)
        except (RefusedError, AuditError) as error:
            raise SessionError(str(error)) from error
        self._keep(state)
        return state

    def _stop(self, id: str) -> None:  # noqa: A002 - the run's
        state = self._states.get(id)
        if self._runner is not None and state is not None and state.outcome is None:
            self._runner.stop(id)

    async def _undo(self) -> Plan:
        from actions.audit.opened import open_folder
        from actions.audit.who import Who

        cluster = await self._identify()
        runner = self._connected()
        try:
            log = await asyncio.to_thread(open_folder, self._audit)
        except OSError as error:
            raise SessionError(f"the audit log cannot be read: {error}") from error
        plan = await runner.plan_undo(log.actions, Who.here(cluster.user, cluster.groups))
        self._planned.add(plan.id)
        return plan

    async def _revisions(self, target: Target) -> Sequence[Revision]:
        from actions.revisions import revisions

        return await revisions(target, self._reads())

    async def _review(self, permission: Permission, namespace: str) -> None:
        verb, group, resource, subresource, _ = permission
        try:
            answer = await self._reads().can_i(verb, resource, group, subresource, namespace)
        except (KubeError, KubeconfigError):
            # Not known: the plan asks again, and says so.
            return
        self._answers[permission, namespace] = answer.allowed
        self._changed(None)

    async def _cut_off(self) -> Sequence[tuple[str, float]]:
        from actions.audit.history import unfinished

        try:
            found = await asyncio.to_thread(unfinished, self._audit)
        except OSError as error:
            raise SessionError(f"the audit log cannot be read: {error}") from error
        return [(action.title, action.began) for action in found]

    async def _reviewed(self, id: str) -> None:  # noqa: A002 - the recorded action's
        try:
            await self._connected().reviewed(id)
        except AuditError as error:
            raise SessionError(str(error)) from error

    def _keep(self, state: ActionRun) -> None:
        # A new mapping each time: the console's thread may be reading the old one.
        self._states = {**self._states, state.id: state}
        self._changed(state)
