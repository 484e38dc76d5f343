"""Actions on a cluster: planned against its API, and sent to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from actions.catalogue import spec_of
from actions.checks.every import checked
from actions.checks.freeze import asks_reason
from actions.checks.jointly import check_jointly
from actions.planning.joined import joined
from actions.planning.plan import Mutation, Plan
from actions.planning.plan_context import ClusterContext
from actions.planning.planner import Conflicts, action_of, event_on_target, identified, require_suitable
from actions.request import InTurn, Request, placed
from actions.running.execution import Execution
from actions.running.execution_context import MutationResult, Send
from actions.running.journal import Journal
from actions.spec import Api

AT_ONCE = 4
"""Plans that are made at the same time, of several objects: each asks the server some ten questions."""
AGAIN = 4
"""Further plans where the target moved on meanwhile: controllers write statuses all the time.

As many tries as ``retry.DefaultRetry`` of Kubernetes' client-go has.
"""


class Sender(Protocol):
    """actions.running.writer.Writer."""

    async def send(self, mutation: Mutation) -> MutationResult: ...
    async def close(self) -> None: ...


class ClusterExecutor:
    """An Executor. ``context`` returns the current fleet, ``writer`` is the only way to change it."""

    def __init__(self, context: Callable[[], ClusterContext], writer: Sender) -> None:
        self.context = context
        self._writer = writer

    async def plan(self, request: Request) -> Plan:
        """Return the plan, with the checks and the undo. Changes nothing.

        It is made again if the server's dry run shows that the target has changed since it was read. Raises KubeError
        if the target cannot be read, and NotFoundError also if its name now belongs to another object.
        """
        request = placed(request, self.context().scope.cluster)
        require_suitable(request)
        if isinstance(request, InTurn):
            return await self._plan_all(request)
        spec, action = spec_of(request.kind), action_of(request.kind)
        for _ in range(1 + AGAIN):
            conflicts = Conflicts(self.context().dry_run)
            context = replace(self.context(), dry_run=conflicts)
            if spec.api is not Api.KUBERNETES:
                # Its target is not an object of the API server: it has no uid, fingerprint or Events.
                plan = await action.plan(request, context)
                plan = replace(plan, checks=await checked(plan, context))
            else:
                known, fingerprint = await identified(request, context)
                plan = await action.plan(known, context)
                checks, written = await asyncio.gather(checked(plan, context), event_on_target(plan, context))
                scope = replace(plan.scope, require_reason=plan.scope.require_reason or asks_reason(checks))
                plan = replace(plan, checks=checks, scope=scope, fingerprint=fingerprint, note=written)
            if not conflicts.seen:
                break
        return plan.placed()

    async def _plan_all(self, request: InTurn) -> Plan:
        """One plan of several, each planned as if it were alone, and judged together."""
        asking = asyncio.Semaphore(AT_ONCE)

        async def one(part: Request) -> Plan:
            async with asking:
                return await self.plan(part)

        plans = await asyncio.gather(*(one(part) for part in request.parts))
        context = self.context()
        return joined(request, plans, await check_jointly(plans, context), context).placed()

    def begin(self, journal: Journal) -> Execution:
        return _OnCluster(self.context, self._writer.send, journal)

    async def close(self) -> None:
        await self._writer.close()


class _OnCluster(Execution):
    """A ClusterExecution: it can look at the cluster."""

    def __init__(self, context: Callable[[], ClusterContext], send: Send, journal: Journal) -> None:
        super().__init__(context, send, journal)
        self.reads = context().reads
