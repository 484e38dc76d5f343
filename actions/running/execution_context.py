"""The means of an executing action: the only way to change something, and the ways to wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from actions.planning.plan import Mutation, Plan
from actions.planning.plan_context import ClusterContext, Reads, Rules
from actions.request import Request
from actions.running.progress import Outcome
from fleet.dataclass import dataclass
from fleet.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class MutationResult:
    """The result of one mutation that was done."""

    document: dict[str, Any]
    """JSON values for the rest of the action."""
    record: Mapping[str, Any]
    """Record for the audit log; its ``status`` is an HTTP status, also for local actions."""


Send = Callable[[Mutation], Awaitable[MutationResult]]
"""Sends a mutation once, never twice. Raises ClusterError and LocalError."""


class ExecutionContext(Protocol):
    """The means of every action to do its work, in any place. Everything sent is recorded."""

    @property
    def rules(self) -> Rules: ...

    @property
    def snapshot(self) -> Snapshot:
        """The newest one."""
        ...

    def now(self) -> float:
        """Unix time."""
        ...

    async def send(self, mutation: Mutation) -> dict[str, Any]:
        """Send one request, recorded before and after; return the answer's JSON. Raises KubeError or LocalError.

        A ConflictError that leaves ``execute`` ends the action with Result.CONFLICT, another KubeError as failed.
        """
        ...

    def step(self, index: int) -> None:
        """The plan's step that is under way from now on."""
        ...

    def say(self, text: str, done: float = 0.0, total: float = 0.0, eta: float | None = None) -> None:
        """Report the progress of the step. The same again is not reported twice."""
        ...

    async def until(self, reached: Callable[[], Awaitable[bool]], timeout: float) -> bool:  # noqa: ASYNC109 - see below
        """Poll once a second until it is reached; False after ``timeout`` seconds.

        A KubeError of a read meanwhile (a broken connection) is reported, and polling continues.
        """
        ...


class ClusterExecution(ExecutionContext, Protocol):
    """Handed to the actions on a cluster, which may look at it."""

    @property
    def reads(self) -> Reads: ...


class ClusterAction(Protocol):
    """One kind of action on a cluster. Both methods are stateless: what must survive is in the plan."""

    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        """Plan a request. Raises KubeError if the target cannot be read (gone, unreachable)."""
        ...

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        """Do it and follow it until the cluster has converged, failed, or the time is up."""
        ...
