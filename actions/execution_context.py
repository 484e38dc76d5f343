"""What an action is given to do its work with: the one way to change something, and the ways to wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from actions.plan import Mutation, Plan
from actions.plan_context import PlanContext, Reads, Rules
from actions.progress import Outcome
from actions.request import Request
from fleet.model.snapshot import Snapshot

if TYPE_CHECKING:
    from actions.local.machine import Machine


class ExecutionContext(Protocol):
    """Handed to ``Action.execute`` by the runner, which writes down all of it."""

    @property
    def rules(self) -> Rules: ...

    @property
    def reads(self) -> Reads: ...

    @property
    def snapshot(self) -> Snapshot:
        """The newest one."""
        ...

    @property
    def machine(self) -> Machine:
        """This machine. Raises TypeError for an action on a cluster."""
        ...

    def now(self) -> float:
        """Unix time."""
        ...

    async def send(self, mutation: Mutation) -> dict[str, Any]:
        """Send one request: recorded before and after. The answer's JSON. Raises KubeError or LocalError.

        A ConflictError that leaves ``execute`` ends the action with Result.CONFLICT, another KubeError as failed.
        """
        ...

    def step(self, index: int) -> None:
        """The plan's step that is under way from now on."""
        ...

    def say(self, text: str, done: float = 0.0, total: float = 0.0, eta: float | None = None) -> None:
        """Where the step is. The same again is not reported twice."""
        ...

    async def until(self, reached: Callable[[], Awaitable[bool]], timeout: float) -> bool:  # noqa: ASYNC109 - see below
        """Ask once a second until it is so; False after ``timeout`` seconds.

        A KubeError of a read on the way (a connection that breaks) is said, and it goes on.
        """
        ...


class Action(Protocol):
    """One kind of action. Both methods are free of state: what carries over is in the plan."""

    async def plan(self, request: Request, context: PlanContext) -> Plan:
        """What would happen. Raises KubeError or LocalError where the target cannot be read (gone, unreachable)."""
        ...

    async def execute(self, plan: Plan, execution: ExecutionContext) -> Outcome:
        """Do it and follow it until the cluster has converged, failed, or the time is up."""
        ...
