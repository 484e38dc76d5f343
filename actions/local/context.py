"""The context of actions on this machine, without a cluster."""

from __future__ import annotations

import socket
from typing import Protocol

from actions.audit.who import login
from actions.local.machine import Machine
from actions.planning.plan import Plan, Scope
from actions.planning.plan_context import PlanContext
from actions.request import LOCAL, Request
from actions.running.execution_context import ExecutionContext
from actions.running.progress import Outcome
from fleet.dataclass import dataclass
from fleet.model.snapshot import Cluster, Snapshot


@dataclass(frozen=True, slots=True)
class LocalContext(PlanContext):
    """Current state of this machine, for planning."""

    machine: Machine


class LocalExecution(ExecutionContext, Protocol):
    """Handed to the actions on this machine."""

    @property
    def machine(self) -> Machine: ...


class LocalAction(Protocol):
    """One kind of action on this machine, stateless: what must survive is in the plan."""

    async def plan(self, request: Request, context: LocalContext) -> Plan:
        """Plan a request. Raises LocalError where there is no such server."""
        ...

    async def execute(self, plan: Plan, execution: LocalExecution) -> Outcome:
        """Do it and follow it until it is done, has failed, or the time is up."""
        ...


def local_scope(user: int, *, require_reason: bool) -> Scope:
    """Return the scope: this machine, by name, and the login."""
    return Scope(context=LOCAL, server=socket.gethostname(), user=login(user), require_reason=require_reason)


def local_snapshot(seen: Snapshot | None, host: str) -> Snapshot:
    """Return the Snapshot of this machine. ``seen`` is the one in view; a cluster's is not used."""
    if seen is not None and seen.is_machine:
        return seen
    # Without a time, so that two of them are equal: nothing was measured.
    return Snapshot(0, 0.0, Cluster(context=LOCAL, server=host))
