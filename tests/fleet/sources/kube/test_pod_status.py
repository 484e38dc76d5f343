"""STATUS and RESTARTS as kubectl prints them, case by case of its own rules."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.sources.kube.project.pod_status import pod_status

Object = dict[str, Any]


def state(name: str = "c", restarts: int = 0, **fields: Any) -> Object:
    """A container status; ``running``, ``waiting`` and ``terminated`` go into its state."""
    kinds = ("running", "waiting", "terminated")
    inner = {kind: fields.pop(kind) for kind in kinds if kind in fields}
    return {"name": name, "restartCount": restarts, "state": inner, **fields}


def running(name: str = "c", restarts: int = 0, *, ready: bool = True) -> Object:
    return state(name, restarts, running={"startedAt": "2026-01-01T00:00:00Z"}, ready=ready)


def condition(kind: str, value: str = "True", reason: str = "") -> Object:
    return {"type": kind, "status": value, "reason": reason}


def pod(
    *containers: Object, init: tuple[Object, ...] = (), init_spec: list[Object] | None = None, **status: Any
) -> Object:
    deleted = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if status.pop("deleted", False) else {}
    specs = init_spec if init_spec is not None else [{"name": s["name"]} for s in init]
    return {
        "metadata": deleted,
        "spec": {"initContainers": specs, "containers": [{"name": s["name"]} for s in containers]},
        "status": {
            "phase": "Running",
            "containerStatuses": list(containers),
            "initContainerStatuses": list(init),
            **status,
        },
    }


SIDECAR = [{"name": "i", "restartPolicy": "Always"}]
COMPLETED = {"exitCode": 0, "reason": "Completed"}
FAILED = {"exitCode": 1, "reason": "Error"}
DONE = state("i", terminated={"exitCode": 0, "reason": "Completed"})

CASES: list[tuple[str, Object, str, int]] = [
    ("running", pod(running(restarts=2)), "Running", 2),
    ("restarts add up", pod(running("a", 2), running("b", 3)), "Running", 5),
    ("pending", {"status": {"phase": "Pending"}}, "Pending", 0),
    ("creating", pod(state(waiting={"reason": "ContainerCreating"}), phase="Pending"), "ContainerCreating", 0),
    ("crash loop", pod(state(restarts=7, waiting={"reason": "CrashLoopBackOff"})), "CrashLoopBackOff", 7),
    ("pull", pod(state(waiting={"reason": "ImagePullBackOff"}), phase="Pending"), "ImagePullBackOff", 0),
    ("error", pod(state(terminated=FAILED), phase="Failed"), "Error", 0),
    ("oom", pod(state(terminated={"exitCode": 137, "reason": "OOMKilled"})), "OOMKilled", 0),
    ("exit code", pod(state(terminated={"exitCode": 3})), "ExitCode:3", 0),
    ("signal", pod(state(terminated={"exitCode": 137, "signal": 9})), "Signal:9", 0),
    (
        "the first container's reason wins",
        pod(
            state("a", waiting={"reason": "CrashLoopBackOff"}),
            state("b", terminated=FAILED),
        ),
        "CrashLoopBackOff",
        0,
    ),
    ("evicted", {"status": {"phase": "Failed", "reason": "Evicted"}}, "Evicted", 0),
    (
        "device plugin refuses",
        {"status": {"phase": "Failed", "reason": "UnexpectedAdmissionError"}},
        "UnexpectedAdmissionError",
        0,
    ),
    (
        "gated",
        {"status": {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "SchedulingGated")]}},
        "SchedulingGated",
        0,
    ),
    ("completed", pod(state(terminated=COMPLETED), phase="Succeeded"), "Completed", 0),
    (
        "one of two completed, ready",
        pod(state("a", terminated=COMPLETED), running("b"), conditions=[condition("Ready")]),
        "Running",
        0,
    ),
    (
        "one of two completed, not ready",
        pod(
            state("a", terminated=COMPLETED),
            running("b"),
            conditions=[condition("Ready", "False")],
        ),
        "NotReady",
        0,
    ),
    ("init waiting", pod(init=(state("i", waiting={"reason": "PodInitializing"}),), phase="Pending"), "Init:0/1", 0),
    ("init running", pod(init=(DONE, state("j", running={})), phase="Pending"), "Init:1/2", 0),
    (
        "init crash loop",
        pod(init=(state("i", 4, waiting={"reason": "CrashLoopBackOff"}),), phase="Pending"),
        "Init:CrashLoopBackOff",
        4,
    ),
    ("init error", pod(init=(state("i", terminated=FAILED),)), "Init:Error", 0),
    ("init exit code", pod(init=(state("i", terminated={"exitCode": 2}),)), "Init:ExitCode:2", 0),
    ("init signal", pod(init=(state("i", terminated={"exitCode": 2, "signal": 15}),)), "Init:Signal:15", 0),
    (
        "init done, its restarts forgotten",
        pod(running(restarts=1), init=(DONE | {"restartCount": 9},)),
        "Running",
        1,
    ),
    (
        "sidecar started, its restarts count",
        pod(running(restarts=1), init=(running("i", 2) | {"started": True},), init_spec=SIDECAR),
        "Running",
        3,
    ),
    (
        "sidecar not started",
        pod(init=(state("i", running={}, started=False),), init_spec=SIDECAR, phase="Pending"),
        "Init:0/1",
        0,
    ),
    (
        "init restarted after the pod was initialised",
        pod(running(restarts=1), init=(state("i", 5, running={}),), conditions=[condition("Initialized")]),
        "Init:0/1",
        1,
    ),
    ("terminating", pod(running(), deleted=True), "Terminating", 0),
    ("node lost", pod(running(), deleted=True, reason="NodeLost"), "Unknown", 0),
    ("node lost, not deleted", {"status": {"phase": "Running", "reason": "NodeLost"}}, "NodeLost", 0),
    (
        "finished and deleted",
        pod(state(terminated=COMPLETED), phase="Succeeded", deleted=True),
        "Completed",
        0,
    ),
    ("nothing known", {}, "Unknown", 0),
]


@pytest.mark.parametrize(("raw", "status", "restarts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_as_kubectl(raw: Object, status: str, restarts: int) -> None:
    assert pod_status(raw) == (status, restarts)
