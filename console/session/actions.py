"""The real ActionService: each question goes to where the target is, the cluster in view or this machine.

Never imported in read-only mode: there is nothing to act with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from actions.request import LOCAL_SERVER, Request, Target
from console.session.failure import SessionError

if TYPE_CHECKING:
    from pathlib import Path

    from actions.action_run import ActionRun
    from actions.plan import Plan
    from actions.plan_context import Reads
    from actions.revisions import Revision
    from console.session.action_site import ActionSite
    from console.session.bridge import Bridge
    from console.session.permissions import Permissions
    from fleet.model.objects import ClusterId, ObjectRef


class SessionActions:
    """The actions of a session. What is done on this machine stays when another cluster comes into view.

    ``is_local`` says whether this machine is the cluster in view; ``reads`` is called on the observing loop and raises
    KubeconfigError where there is no cluster, and SessionError where it is another. ``audit`` is the folder of the log
    of the cluster's actions.
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
        return self._machine if target.kind == LOCAL_SERVER else self._cluster

    async def plan(self, request: Request) -> Plan:
        return await self._bridge.call(self._site(request.target).plan(request))

    async def undo(self, *, here: bool = False) -> Plan:
        site = self._machine if here or self._is_local() else self._cluster
        return await self._bridge.call(site.undo())

    async def revisions(self, target: Target, cluster: ClusterId) -> Sequence[Revision]:
        return await self._bridge.call(self._revisions(target, cluster))

    async def _revisions(self, target: Target, cluster: ClusterId) -> Sequence[Revision]:
        from actions.revisions import revisions

        return await revisions(target, self._reads(cluster))

    async def start(self, plan: Plan, reason: str, confirmation: str) -> ActionRun:
        return await self._bridge.call(self._site(plan.target).start(plan, reason, confirmation))

    def stop(self, id: str) -> None:  # noqa: A002 - the run's
        """The site that does not know it leaves it."""
        for site in (self._cluster, self._machine):
            self._bridge.post(site.stop, id)

    @property
    def action_runs(self) -> tuple[ActionRun, ...]:
        every = (*self._cluster.action_runs, *self._machine.action_runs)
        return tuple(sorted(every, key=lambda action_run: -action_run.begun))

    def denied(self, kind: str, target: ObjectRef) -> str | None:
        """On this machine the plan says what the system forbids."""
        return None if target.kind == LOCAL_SERVER else self._permissions.denied(kind, target)

    async def cut_off(self) -> Sequence[tuple[str, float]]:
        return await self._bridge.call(_cut_off(self._audit))

    async def reviewed(self, id: str) -> None:  # noqa: A002 - the recorded action's
        """Written by this machine's runner, which is there without a cluster, too."""
        await self._bridge.call(self._machine.reviewed(id))


async def _cut_off(audit: Path) -> Sequence[tuple[str, float]]:
    from actions.audit.history import unfinished

    try:
        found = await asyncio.to_thread(unfinished, audit)
    except OSError as error:
        raise SessionError(f"the audit log cannot be read: {error}") from error
    return [(action.title, action.began) for action in found]
