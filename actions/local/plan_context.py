"""The scene of actions on this machine: there is no cluster in it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any, NoReturn

from actions.audit.who import login
from actions.local.machine import Machine
from actions.plan import Mutation, Scope
from actions.plan_context import PlanContext, Rules
from actions.request import LOCAL
from fleet.local.errors import LocalError
from fleet.model.snapshot import Cluster, Snapshot


def local_scope(user: int, *, require_reason: bool) -> Scope:
    """Where and as whom: this machine, by name, and the login."""
    return Scope(context=LOCAL, server=socket.gethostname(), user=login(user), require_reason=require_reason)


def local_context(
    machine: Machine,
    scope: Scope,
    rules: Rules,
    newest: Callable[[], Snapshot | None],
    now: Callable[[], float] = time.time,
) -> PlanContext:
    """What planning may look at. ``newest`` is the Snapshot in view; that of another cluster says nothing of here."""
    seen = newest()
    # Of no time: nothing was measured, and two of them are the same.
    snapshot = (
        seen if seen is not None and seen.is_machine else Snapshot(0, 0.0, Cluster(context=LOCAL, server=scope.server))
    )
    return PlanContext(snapshot, _NoCluster(), _no_dry_run, scope, rules, now, machine=machine)


class _NoCluster:
    """A local action that asks a cluster is a bug; it is told in words all the same."""

    async def get_raw(self, *_: Any) -> NoReturn:
        raise _none()

    async def list_raw(self, *_: Any, **__: Any) -> NoReturn:
        raise _none()

    async def path_of(self, *_: Any) -> NoReturn:
        raise _none()

    async def can_i(self, *_: Any, **__: Any) -> NoReturn:
        raise _none()


async def _no_dry_run(mutation: Mutation) -> NoReturn:
    raise LocalError(f"this machine is no cluster: {mutation.path} cannot be tried there")


def _none() -> LocalError:
    return LocalError("this machine is no cluster: there is no API server to ask")
