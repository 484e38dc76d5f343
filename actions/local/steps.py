"""Steps of a local action, in its plan and in the audit log: START, SIGNAL and REMOVE."""

from __future__ import annotations

import signal
from dataclasses import asdict
from typing import Any

from actions.planning.plan import Mutation
from fleet.local.process import Identity
from fleet.local.spec import LaunchSpec

START = "START"
SIGNAL = "SIGNAL"
REMOVE = "REMOVE"


def starting(spec: LaunchSpec, id: str, argv: tuple[str, ...], env: dict[str, str], **facts: Any) -> Mutation:  # noqa: A002
    """Start a server. ``env`` holds masks in place of secrets: who starts it takes the values from its folder."""
    body = {"id": id, "node": spec.name, "spec": asdict(spec), "argv": list(argv), "env": env, **facts}
    return Mutation(START, " ".join(argv[:2]), body, query={}, about=f"start {spec.name}")


def signalling(processes: tuple[Identity, ...], number: signal.Signals, about: str) -> Mutation:
    """Return the step that signals processes, if they are still the same ones."""
    body = {"signal": number.name, "processes": [{"pid": each.pid, "started": each.started} for each in processes]}
    whom = f"process {processes[0].pid}" if len(processes) == 1 else f"{len(processes)} processes"
    return Mutation(SIGNAL, f"{number.name} {whom}", body, query={}, about=about)


def removing(path: str, about: str) -> Mutation:
    """Delete a file that a server left behind."""
    return Mutation(REMOVE, path, None, query={}, about=about)
