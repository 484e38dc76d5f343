"""Pods and nodes as the kubelet, the scheduler and the node controller write them, from healthy ones."""

from __future__ import annotations

import copy
import hashlib
from typing import Any

from simulator.objects import NAME_ALPHABET, timestamp

Raw = dict[str, Any]


def stamp(at: float) -> str:
    """A time as the API server writes it."""
    return timestamp(at)


def copied(raw: Raw) -> Raw:
    """The same, to be changed."""
    return copy.deepcopy(raw)


def condition(raw: Raw, kind: str, status: str, at: float, reason: str = "", message: str = "") -> None:
    """Write a condition."""
    made = {"type": kind, "status": status, "lastTransitionTime": timestamp(at)}
    made |= {"reason": reason} if reason else {}
    made |= {"message": message} if message else {}
    others = [one for one in raw["status"].setdefault("conditions", []) if one["type"] != kind]
    raw["status"]["conditions"] = [*others, made]


def ready(raw: Raw, at: float) -> None:
    """Make a pod ready: its containers run and its probes succeed."""
    raw["status"]["phase"] = "Running"
    for status in _statuses(raw):
        status |= {"ready": True, "started": True}
        if "running" not in status["state"]:
            status["state"] = {"running": {"startedAt": timestamp(at)}}
    for kind in ("Ready", "ContainersReady"):
        condition(raw, kind, "True", at)


def unready(raw: Raw, at: float, message: str = "containers with unready status: [vllm]") -> None:
    """A probe fails, or a container does not run."""
    for status in _statuses(raw):
        status["ready"] = False
    for kind in ("Ready", "ContainersReady"):
        condition(raw, kind, "False", at, "ContainersNotReady", message)


def waiting(raw: Raw, at: float, reason: str, message: str = "") -> None:
    """Make a pod's container wait to be started."""
    unready(raw, at)
    for status in _statuses(raw):
        if "running" in status["state"]:
            status["lastState"] = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": timestamp(at)}}
        status["state"] = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        status["started"] = False


def died(raw: Raw, at: float, code: int, reason: str = "Error", message: str = "") -> None:
    """Make a pod's container crash: it waits to be restarted, longer each time."""
    unready(raw, at)
    for status in _statuses(raw):
        ended = {"exitCode": code, "reason": reason, "finishedAt": timestamp(at)}
        ended |= {"message": message} if message else {}
        status["restartCount"] += 1
        status["lastState"] = {"terminated": ended}
        text = f"back-off restarting failed container=vllm pod={raw['metadata']['name']}"
        status["state"] = {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
        status["started"] = False


def starting(raw: Raw, at: float) -> None:
    """Make a pod's container run without having started up."""
    raw["status"]["phase"] = "Running"
    unready(raw, at)
    for status in _statuses(raw):
        status["state"] = {"running": {"startedAt": timestamp(at)}}
        status["started"] = False


def made_like(raw: Raw, at: float, number: int) -> Raw:
    """Turn a copy of a pod into a new one that has no node yet."""
    meta, spec = raw["metadata"], raw["spec"]
    digest = hashlib.sha256(f"{meta['name']}/{number}".encode()).digest()
    suffix = "".join(NAME_ALPHABET[byte % len(NAME_ALPHABET)] for byte in digest[:5])
    meta["name"] = f"{meta.get('generateName', meta['name'] + '-')}{suffix}"
    meta["uid"] = f"{digest.hex()[:8]}-0000-4000-8000-{digest.hex()[8:20]}"
    meta["creationTimestamp"] = timestamp(at)
    spec.pop("nodeName", None)
    raw["status"] = {"phase": "Pending", "qosClass": "Burstable", "conditions": []}
    return raw


def unplaced(raw: Raw, at: float, message: str, reason: str = "Unschedulable") -> None:
    """The scheduler has no node for it."""
    condition(raw, "PodScheduled", "False", at, reason, message)


def placed(raw: Raw, at: float, node: str, reason: str = "ContainerCreating", message: str = "") -> None:
    """Give a pod a node; its containers are not created yet."""
    raw["spec"]["nodeName"] = node
    condition(raw, "PodScheduled", "True", at)
    condition(raw, "Initialized", "True", at)
    for kind in ("Ready", "ContainersReady"):
        condition(raw, kind, "False", at, "ContainersNotReady", "containers with unready status: [vllm]")
    raw["status"]["startTime"] = timestamp(at)
    raw["status"]["containerStatuses"] = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": False,
            "started": False,
            "restartCount": 0,
            "lastState": {},
            "state": {"waiting": {"reason": reason} | ({"message": message} if message else {})},
        }
        for container in raw["spec"]["containers"]
    ]


def failed(raw: Raw, at: float, reason: str, message: str) -> None:
    """The kubelet gave it up as a whole."""
    condition(raw, "Ready", "False", at, "PodFailed")
    raw["status"] |= {"phase": "Failed", "reason": reason, "message": message}
    raw["status"].pop("containerStatuses", None)


def leaving(raw: Raw, at: float, grace: float = 60) -> None:
    """Mark a pod as deleted by a user."""
    raw["metadata"] |= {"deletionTimestamp": timestamp(at + grace), "deletionGracePeriodSeconds": int(grace)}


def is_ready(raw: Raw) -> bool:
    """True if its condition Ready is True."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in raw["status"].get("conditions", ()))


def counts(raw: Raw) -> bool:
    """True if it is one of the replicas of its workload."""
    return "deletionTimestamp" not in raw["metadata"] and raw["status"]["phase"] != "Failed"


def listens(raw: Raw) -> bool:
    """True if its engine answers: the container runs, and has started up."""
    found = raw["status"].get("containerStatuses") or ()
    return bool(found) and all("running" in one["state"] and one.get("started") for one in found)


def _statuses(raw: Raw) -> list[Raw]:
    found: list[Raw] = raw["status"].get("containerStatuses") or []
    return found
