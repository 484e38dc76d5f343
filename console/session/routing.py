"""Actions of a session: those on the cluster in view, and those on this machine, which stay when the view changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from actions.request import LOCAL_NODE, Kind, Request, Target

if TYPE_CHECKING:
    from actions.action_run import ActionRun
    from actions.plan import Plan
    from actions.revisions import Revision
    from console.session.actions import ClusterActions
    from fleet.model.objects import ObjectRef


class ActionRouter:
    """``is_here`` says whether this machine is the cluster in view."""

    def __init__(self, cluster: ClusterActions, here: ClusterActions, is_here: Callable[[], bool]) -> None:
        self._cluster = cluster
        self._here = here
        self._is_here = is_here

    def _of(self, target: Target) -> ClusterActions:
        return self._here if target.kind == LOCAL_NODE else self._cluster

    async def plan(self, request: Request) -> Plan:
        return await self._of(request.target).plan(request)

    async def undo(self, *, here: bool = False) -> Plan:
        return await (self._here if here or self._is_here() else self._cluster).undo()

    async def revisions(self, target: Target) -> Sequence[Revision]:
        return await self._cluster.revisions(target)

    async def start(self, plan: Plan, reason: str, confirmation: str) -> ActionRun:
        return await self._of(plan.target).start(plan, reason, confirmation)

    def stop(self, id: str) -> None:  # noqa: A002 - the run's
        """The one that does not know it leaves it."""
        self._cluster.stop(id)
        self._here.stop(id)

    @property
    def action_runs(self) -> tuple[ActionRun, ...]:
        every = (*self._cluster.action_runs, *self._here.action_runs)
        return tuple(sorted(every, key=lambda action_run: -action_run.begun))

    def denied(self, kind: Kind, target: ObjectRef) -> str | None:
        """On this machine the plan says what the system forbids."""
        return None if target.kind == LOCAL_NODE else self._cluster.denied(kind, target)

    async def cut_off(self) -> Sequence[tuple[str, float]]:
        """There is one log for both."""
        return await self._cluster.cut_off()

    async def reviewed(self, id: str) -> None:  # noqa: A002 - the recorded action's
        """Written by the runner of this machine, which is there without a cluster too."""
        await self._here.reviewed(id)

    # The observing loop's side.

    async def disconnect(self) -> None:
        """The cluster in view changes: what is under way there stops."""
        await self._cluster.disconnect()

    async def close(self) -> None:
        """The console ends. Nodes that were started go on."""
        await self._cluster.disconnect()
        await self._here.disconnect()
