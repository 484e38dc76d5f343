"""How many replicas are ready of what a pod belongs to: by the pods themselves, and by the owner that counts them.

Most owners at the top of a chain (an InferenceService, a RayService, the kind of some operator) have no
``readyReplicas``: what a server leaves out because it is 0 and what a kind does not have look the same. So readiness is
taken from the kinds of Kubernetes and from LeaderWorkerSets, which have it, and where none is in the chain the pods of
the pod's own controller are counted. The pods are counted in any case: a status is written after they have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from actions.drain.unit import LWS, Unit
from actions.kubeobj import controller_of, is_ready, labels_of, selects, written
from actions.plan_context import Reads
from actions.request import Target

Raw = Mapping[str, Any]

KEEPERS = frozenset(
    {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "LeaderWorkerSet"}
)
"""Kinds whose status counts ready replicas."""


class Ready(NamedTuple):
    """Of what keeps the replicas of a unit."""

    ready: int
    desired: int | None
    """Replicas that are wanted now; None where no owner says."""


async def ready_of(unit: Unit, reads: Reads) -> Ready:
    """Ready replicas now. Raises NotFoundError where the owner that counts them is gone, and KubeError."""
    if unit.controller is None:
        return Ready(0, 0)
    if unit.keeper is None:
        return Ready(ready_among(await reads.list_raw("Pod", unit.front.namespace), None, unit.controller), None)
    raw = await reads.get_raw(unit.keeper.kind, unit.keeper.namespace, unit.keeper.name)
    pods = await reads.list_raw("Pod", unit.keeper.namespace, selector_of(raw))
    status = raw.get("status") or {}
    said = int(status.get("numberReady" if unit.keeper.kind == "DaemonSet" else "readyReplicas", 0))
    return Ready(min(said, ready_among(pods, raw, unit.controller)), desired_of(raw))


def ready_among(pods: Iterable[Raw], keeper: Raw | None, controller: Target) -> int:
    """How many replicas of ``keeper`` are ready among the pods; without one, those that ``controller`` has.

    Of a group (LeaderWorkerSet) its leader is counted.
    """
    return sum(is_ready(pod) and _counts(pod, keeper, controller) for pod in pods)


def selector_of(keeper: Raw) -> str:
    """The labels of its pods, as a query's labelSelector; more pods than its own may have them."""
    if keeper.get("kind") == "LeaderWorkerSet":
        return written({f"{LWS}name": keeper["metadata"]["name"]})
    selector = (keeper.get("spec") or {}).get("selector") or {}
    # A ReplicationController's has no operators: it is the labels themselves.
    return written(selector if keeper.get("kind") == "ReplicationController" else selector.get("matchLabels") or {})


def desired_of(keeper: Raw) -> int:
    """Replicas that it wants: 1 where its spec does not say."""
    if keeper.get("kind") == "DaemonSet":
        return int((keeper.get("status") or {}).get("desiredNumberScheduled", 0))
    return int((keeper.get("spec") or {}).get("replicas", 1))


def _counts(pod: Raw, keeper: Raw | None, controller: Target) -> bool:
    """Whether the pod is a replica of it."""
    owner = controller_of(pod)
    if owner is None:
        return False
    if keeper is None:
        return owner[2] == controller.uid
    kind, labels = keeper.get("kind"), labels_of(pod)
    if kind == "LeaderWorkerSet":
        return labels.get(f"{LWS}name") == keeper["metadata"]["name"] and labels.get(f"{LWS}worker-index") == "0"
    if kind == "Deployment":
        # Its ReplicaSets come and go: the pods of all of them are its own.
        return owner[0] == "ReplicaSet" and selects((keeper.get("spec") or {}).get("selector"), labels)
    return owner[2] == str(keeper["metadata"].get("uid", ""))
