"""Doing what a local action sends: a process started, a signal, a file removed. Each is recorded before and after."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from actions.local.environment import SERVER_ID, SOCKETS, inherited, to_keep
from actions.local.machine import Machine
from actions.local.spawn import hold
from actions.local.store import forget, keep, keep_environment, owned, runtime, whole_env
from actions.plan import Mutation
from fleet.guard import RefusedError, may_start
from fleet.local.errors import LocalError
from fleet.local.process import Identity
from fleet.local.record import LOG, ServerRecord, servers_folder
from fleet.local.spec import LaunchSpec
from fleet.sources.kube.client import Response

START = "START"
SIGNAL = "SIGNAL"
REMOVE = "REMOVE"


def starting(spec: LaunchSpec, id: str, argv: tuple[str, ...], env: dict[str, str], **facts: Any) -> Mutation:  # noqa: A002
    """Start a server. ``env`` holds masks in place of secrets: the writer has the values from the server's folder."""
    body = {"id": id, "node": spec.name, "spec": asdict(spec), "argv": list(argv), "env": env, **facts}
    return Mutation(START, " ".join(argv[:2]), body, query={}, about=f"start {spec.name}")


def signalling(processes: tuple[Identity, ...], number: signal.Signals, about: str) -> Mutation:
    """Send a signal to processes, as long as they are those that are meant."""
    body = {"signal": number.name, "processes": [{"pid": each.pid, "started": each.started} for each in processes]}
    whom = f"process {processes[0].pid}" if len(processes) == 1 else f"{len(processes)} processes"
    return Mutation(SIGNAL, f"{number.name} {whom}", body, query={}, about=about)


def removing(path: str, about: str) -> Mutation:
    """Delete a file that a server left behind."""
    return Mutation(REMOVE, path, None, query={}, about=about)


class LocalWriter:
    """The actions' hands on this machine. See actions.runner.Sender."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def send(self, mutation: Mutation) -> Response:
        """Do it once. Raises LocalError."""
        try:
            may_start(mutation.about)
        except RefusedError as error:
            raise LocalError(error.message, error.remedy) from error
        do = {START: self._start, SIGNAL: _signal, REMOVE: _remove}[mutation.method]
        return Response(200, orjson.dumps(await asyncio.to_thread(do, mutation)), "application/json")

    async def close(self) -> None:
        """Nothing is held open: what was started goes on."""

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
        return {"metadata": {"uid": body["id"]}, "pid": held.identity.pid}


def _signal(mutation: Mutation) -> dict[str, Any]:
    sent = []
    for each in mutation.body["processes"]:
        identity = Identity(each["pid"], each["started"])
        # Looked at right before: the pid of one that has ended may be another's by now.
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
