"""Actions on a cluster: planned against its API, and sent to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from actions.execution import Execution
from actions.executor import Answer, Send
from actions.journal import Journal
from actions.plan import Mutation, Plan
from actions.plan_context import ClusterContext
from actions.planner import make_plan
from actions.request import Request, placed

AGAIN = 2
"""Further plans where the target moved on meanwhile: controllers write statuses all the time."""


class Sender(Protocol):
    """actions.writer.Writer."""

    async def send(self, mutation: Mutation) -> Answer: ...
    async def close(self) -> None: ...


class ClusterExecutor:
    """An Executor. ``context`` gives the fleet as it is now, ``writer`` is the one way to change it."""

    def __init__(self, context: Callable[[], ClusterContext], writer: Sender) -> None:
        self.context = context
        self._writer = writer

    async def plan(self, request: Request) -> Plan:
        """Made again where the server's dry run found that the target is no longer what was read."""
        context = self.context()
        request = placed(request, context.scope.cluster)
        plan, moved = await make_plan(request, context)
        for _ in range(AGAIN):
            if not moved:
                break
            plan, moved = await make_plan(request, self.context())
        return plan.placed()

    def begin(self, journal: Journal) -> Execution:
        return _OnCluster(self.context, self._writer.send, journal)

    async def close(self) -> None:
        await self._writer.close()


class _OnCluster(Execution):
    """A ClusterExecution: it can look at the cluster."""

    def __init__(self, context: Callable[[], ClusterContext], send: Send, journal: Journal) -> None:
        super().__init__(context, send, journal)
        self.reads = context().reads
