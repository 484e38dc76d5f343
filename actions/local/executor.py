"""Actions on this machine: planned and executed here. Starts processes, signals them, removes files."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from actions.catalogue import spec_of
from actions.local.context import LocalAction, LocalContext, local_snapshot
from actions.local.environment import SERVER_ID, SOCKETS, inherited, to_keep
from actions.local.machine import Machine
from actions.local.spawn import hold
from actions.local.steps import REMOVE, SIGNAL, START
from actions.local.store import forget, keep, keep_environment, owned, runtime, whole_env
from actions.planning.plan import Mutation, Plan, Scope
from actions.planning.plan_context import Rules
from actions.request import LOCAL_SERVER, Request, placed
from actions.running.execution import Execution
from actions.running.execution_context import MutationResult, Send
from actions.running.journal import Journal
from fleet.guard import RefusedError, may_start
from fleet.local.errors import LocalError
from fleet.local.process import Identity
from fleet.local.record import LOG, ServerRecord, servers_folder
from fleet.local.spec import LaunchSpec
from fleet.model.snapshot import Snapshot

DONE: Final = {"status": 200, "audit_id": "", "warning": "", "uid": "", "resource_version": ""}
"""Record of a step that was done, in the words of clusters: one reader is enough for all records."""


def action_of(kind: str) -> LocalAction:
    """Return the action of a kind on this machine. Raises TypeError for one that is done on a cluster."""
    spec = spec_of(kind)
    if LOCAL_SERVER not in spec.targets:
        raise TypeError(f"{kind} is an action on a cluster, not on this machine")
    return cast("LocalAction", spec.action())


class LocalExecutor:
    """An Executor. ``newest`` is the Snapshot in view, ``now`` Unix time."""

    def __init__(
        self,
        machine: Machine,
        scope: Scope,
        rules: Rules,
        newest: Callable[[], Snapshot | None] = lambda: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._machine = machine
        self._scope = scope
        self._rules = rules
        self._newest = newest
        self._now = now

    def context(self) -> LocalContext:
        snapshot = local_snapshot(self._newest(), self._scope.server)
        return LocalContext(snapshot, self._scope, self._rules, self._now, self._machine)

    async def plan(self, request: Request) -> Plan:
        # There is no cluster: no permission to check, no stale data, no Event to write.
        action = action_of(request.kind)
        return (await action.plan(placed(request, self._scope.cluster), self.context())).placed()

    def begin(self, journal: Journal) -> Execution:
        return _OnMachine(self.context, self._send, journal)

    async def _send(self, mutation: Mutation) -> MutationResult:
        try:
            may_start(mutation.about)
        except RefusedError as error:
            raise LocalError(error.message, error.remedy) from error
        do = {START: self._start, SIGNAL: _signal, REMOVE: _remove}[mutation.method]
        document = await asyncio.to_thread(do, mutation)
        return MutationResult(document, DONE | {"uid": document.get("id", "")})

    async def close(self) -> None:
        """Do nothing: started servers keep running."""

    def _start(self, mutation: Mutation) -> dict[str, Any]:
        body = mutation.body
        folder = servers_folder(self._machine.state) / body["node"]
        spec = LaunchSpec(**body["spec"])
        env = {**inherited(self._machine.environ, spec), **whole_env(folder, body["env"]), SERVER_ID: body["id"]}
        sockets = runtime(folder, env.get("TMPDIR", ""))
        env = {SOCKETS: str(sockets), **env}
        try:
            env = owned(env, body["id"], sockets)
            held = hold(body["argv"], env=env, folder=Path(folder), log=folder / LOG, what=mutation.about)
        except LocalError:
            shutil.rmtree(sockets, ignore_errors=True)
            raise
        record = ServerRecord(
            id=body["id"],
            spec=spec,
            identity=held.identity,
            argv=tuple(body["argv"]),
            version=body["version"],
            begun=body["begun"],
            folder=str(folder),
            runtime=str(sockets),
            keyed=True,
            drains=body["drains"],
            cpu=body["cpu"],
        )
        try:
            keep_environment(folder, to_keep(env, body["env"]))
            keep(record)
        except LocalError:
            held.drop()
            shutil.rmtree(sockets, ignore_errors=True)
            raise
        try:
            held.go()
        except LocalError:
            forget(record)
            raise
        return {"id": body["id"], "pid": held.identity.pid}


class _OnMachine(Execution):
    """A LocalExecution: an execution with access to the machine."""

    def __init__(self, context: Callable[[], LocalContext], send: Send, journal: Journal) -> None:
        super().__init__(context, send, journal)
        self.machine = context().machine


def _signal(mutation: Mutation) -> dict[str, Any]:
    sent = []
    for each in mutation.body["processes"]:
        identity = Identity(each["pid"], each["started"])
        # Checked just before: the pid of an ended process may have been reused.
        if not identity.alive:
            continue
        try:
            os.kill(identity.pid, signal.Signals[mutation.body["signal"]])
            sent.append(identity.pid)
        except ProcessLookupError:
            continue
        except PermissionError as error:
            raise LocalError(f"process {identity.pid} is not yours: it was not signalled") from error
    return {"signalled": sent}


def _remove(mutation: Mutation) -> dict[str, Any]:
    path = Path(mutation.path)
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            with suppress(FileNotFoundError):
                path.unlink()
    except OSError as error:
        raise LocalError(f"{path} could not be removed: {error.strerror or error}") from error
    return {"removed": mutation.path}
