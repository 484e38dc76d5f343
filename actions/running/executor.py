"""The place where actions run: a cluster, or this machine, behind one interface.

An execution begun by an executor is the only way to change something there, and records what it sends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from actions.planning.plan import Plan
from actions.planning.plan_context import PlanContext
from actions.request import Request

if TYPE_CHECKING:
    from actions.running.execution import Execution
    from actions.running.journal import Journal


class Executor(Protocol):
    """Plans actions in one place, and begins them there."""

    def context(self) -> PlanContext:
        """The place as it is now."""
        ...

    async def plan(self, request: Request) -> Plan:
        """Plan a request; every target in the plan belongs to this place.

        Raises ClusterError and LocalError, and OtherClusterError for a target of another place.
        """
        ...

    def begin(self, journal: Journal) -> Execution:
        """Return the means of a confirmed action to do its work."""
        ...

    async def close(self) -> None:
        """Close all open resources."""
        ...
