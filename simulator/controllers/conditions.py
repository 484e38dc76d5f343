"""The conditions of a Deployment: whether enough pods are available, and whether its rollout progresses.

After k8s.io/kubernetes/pkg/controller/deployment/progress.go, version 1.36.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from simulator import objects
from simulator.controllers import rollout
from simulator.objects import Object, condition

DONE, UPDATED, LATE = "NewReplicaSetAvailable", "ReplicaSetUpdated", "ProgressDeadlineExceeded"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"


def of_deployment(obj: Object, status: Mapping[str, Any], current: Object | None, now: float) -> list[Object]:
    """Available and Progressing, given its new counts; `current` is the ReplicaSet of its template, if it is made."""
    before = obj.get("status") or {}
    known = {entry["type"]: entry for entry in before.get("conditions", [])}
    available = _available(obj, status, now)
    if "Available" in known and known["Available"]["reason"] == available["reason"]:
        available = known["Available"]
    progressing = _progressing(obj, status, before, known.get("Progressing"), current, now)
    return [available, *([progressing] if progressing else [])]


def _available(obj: Object, status: Mapping[str, Any], now: float) -> Object:
    enough = status["availableReplicas"] >= obj["spec"]["replicas"] - rollout.limits(obj["spec"]).unavailable
    why = ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    if enough:
        why = ("MinimumReplicasAvailable", "Deployment has minimum availability.")
    return condition("Available", enough, now, *why, lastUpdateTime=objects.timestamp(now))


def _progressing(
    obj: Object,
    status: Mapping[str, Any],
    before: Mapping[str, Any],
    known: Object | None,
    current: Object | None,
    now: float,
) -> Object | None:
    deadline = obj["spec"].get("progressDeadlineSeconds")
    if deadline is None:
        return None
    if obj["spec"].get("paused"):
        if known and known["reason"] in (PAUSED, LATE):
            return known
        return _unknown(PAUSED, "Deployment is paused", now)
    if known and known["reason"] == PAUSED:
        return _unknown(RESUMED, "Deployment is resumed", now)
    desired = obj["spec"]["replicas"]
    all_updated = status["replicas"] == status["updatedReplicas"]
    what = f'ReplicaSet "{current["metadata"]["name"]}"' if current else f'Deployment "{obj["metadata"]["name"]}"'
    if known and known["reason"] == DONE and known["message"].startswith(what) and all_updated:
        return known  # a Deployment that is only scaled does not roll out
    if all_updated and status["updatedReplicas"] == status["availableReplicas"] == desired:
        return _keep(known, _true(DONE, f"{what} has successfully progressed.", now))
    if known is None or known["reason"] in (DONE, RESUMED) or _further(status, before):
        return _with_since(known, _true(UPDATED, f"{what} is progressing.", now))
    if known["reason"] != LATE and now > _unix(known["lastUpdateTime"]) + deadline:
        late = condition("Progressing", False, now, LATE, f"{what} has timed out progressing.")
        return late | {"lastUpdateTime": objects.timestamp(now)}
    return known


def _further(status: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """True if the rollout made progress between two looks."""

    def gain(field: str) -> int:
        return int(status[field]) - int(before.get(field, 0))

    fewer_old = gain("replicas") - gain("updatedReplicas") < 0
    return gain("updatedReplicas") > 0 or fewer_old or gain("readyReplicas") > 0 or gain("availableReplicas") > 0


def _true(reason: str, message: str, now: float) -> Object:
    return condition("Progressing", True, now, reason, message, lastUpdateTime=objects.timestamp(now))


def _unknown(reason: str, message: str, now: float) -> Object:
    return _true(reason, message, now) | {"status": "Unknown"}


def _keep(known: Object | None, new: Object) -> Object:
    """Return the existing condition if it is equivalent."""
    same = known is not None and all(known[key] == new[key] for key in ("status", "reason", "message"))
    return known if known is not None and same else _with_since(known, new)


def _with_since(known: Object | None, new: Object) -> Object:
    """Return the condition with its previous transition time if the status is unchanged."""
    if known is None or known["status"] != new["status"]:
        return new
    return new | {"lastTransitionTime": known["lastTransitionTime"]}


def _unix(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
