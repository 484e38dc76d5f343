"""Failures that only repeated events show: controllers that fail, pods that are taken away, nodes that flap."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from simulator.objects import timestamp
from tests.fleet.diagnosis.cluster import SPACE, Cluster, Failure, meta, unready
from tests.fleet.rows import NOW

CHAT = f"{SPACE}/Deployment/chat"
OFTEN = (-2, 60, 125, 300, 630)


def told(
    cluster: Cluster,
    kind: str,
    name: str,
    reason: str,
    message: str,
    *,
    at: Sequence[float] = OFTEN,
    normal: bool = False,
) -> None:
    """Write an event at these moments."""
    for one in at:
        cluster.event(kind, name, reason, message, at=one, normal=normal)


def _served(cluster: Cluster, kind: str, reason: str, message: str) -> None:
    spec = {"type": kind, "selector": {"app": "chat"}, "ports": [{"name": "http", "port": 80, "targetPort": 8000}]}
    cluster.put({"kind": "Service", "metadata": meta("chat"), "spec": spec})
    told(cluster, "Service", "chat", reason, message)


def _regrouped(cluster: Cluster) -> None:
    """A worker that dies again and again: each time the whole group is made anew."""
    text = "Worker pod chat-2-1 failed, deleted leader pod chat-2 to recreate group 2"
    told(cluster, "LeaderWorkerSet", "chat", "RecreateGroup", text, at=(-2, 120, 240, 360, 480, 600), normal=True)
    cluster.top["status"]["readyReplicas"] = 2
    raw = cluster.pod()
    unready(raw)
    raw["metadata"]["creationTimestamp"] = timestamp(NOW)
    raw["status"]["containerStatuses"][0] |= {"ready": False, "started": False}


def _gone(cluster: Cluster) -> None:
    """A VPA that evicts one pod after the other; each has another name."""
    for at, name in zip((-2, 200, 400, 600), ("x7k2p", "m4w9q", "b2c5t", "h8j3d"), strict=True):
        text = "Pod was evicted by VPA Updater to apply resource recommendation."
        cluster.event("Pod", f"chat-5d8f-{name}", "EvictedByVPA", text, at=at, normal=True)


def _flaps(cluster: Cluster) -> None:
    for at in (-900, -700, -500, -300, -100, 60, 250, 500):
        cluster.event("Node", "n2", "NodeNotReady", "Node n2 status is now: NodeNotReady", at=at, normal=True)
        cluster.event("Node", "n2", "NodeReady", "Node n2 status is now: NodeReady", at=at + 40, normal=True)


_BALANCER = "Error syncing load balancer: failed to ensure load balancer: could not find any suitable subnets"
_SLICES = "Error updating Endpoint Slices for Service serving/chat: endpointslices is forbidden: exceeded quota: slices"
_SCALED = "failed to ensure HPA is correctly created for ScaledObject: no scaleTargetRef.kind specified"
_DENIED = 'fails to reconcile predictor: admission webhook "validate.example.com" denied the request'
_IMAGES = "failed to garbage collect required amount of images. Attempted to free 5368709120 bytes, but only found 0"
_TWO = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."

FAILURES = (
    Failure(
        "load balancer is not made",
        "controller-reports",
        CHAT,
        "suitable subnets",
        partial(_served, kind="LoadBalancer", reason="SyncLoadBalancerFailed", message=_BALANCER),
    ),
    Failure(
        "endpoints are not written",
        "controller-reports",
        CHAT,
        "quota: slices",
        partial(_served, kind="ClusterIP", reason="FailedToUpdateEndpointSlices", message=_SLICES),
    ),
    Failure(
        "autoscaler is not made",
        "controller-reports",
        CHAT,
        "ensure HPA",
        partial(told, kind="ScaledObject", name="chat", reason="ScaledObjectCheckFailed", message=_SCALED),
    ),
    Failure(
        "operator cannot reconcile",
        "controller-reports",
        CHAT,
        "denied the request",
        partial(told, kind="InferenceService", name="chat", reason="InternalError", message=_DENIED),
    ),
    Failure(
        "group made anew again and again",
        "pods-taken-away-again",
        f"{SPACE}/LeaderWorkerSet/chat",
        "RecreateGroup",
        _regrouped,
        "LeaderWorkerSet",
    ),
    Failure("evicted again and again", "pods-taken-away-again", CHAT, "VPA", _gone),
    Failure("node flaps", "node-flaps", "n2", "not ready 8 times", _flaps),
    Failure(
        "node reboots again and again",
        "node-reboots",
        "n2",
        "5 times",
        partial(
            told,
            kind="Node",
            name="n2",
            reason="Rebooted",
            message="Node n2 has been rebooted",
            at=(-900, -500, 9, 300, 600),
        ),
    ),
    Failure(
        "images cannot be removed",
        "node-cleanup-fails",
        "n2",
        "found 0",
        partial(told, kind="Node", name="n2", reason="ImageGCFailed", message=_IMAGES),
    ),
    Failure(
        "containers cannot be removed",
        "node-cleanup-fails",
        "n2",
        "DeadlineExceeded|deadline exceeded",
        partial(
            told,
            kind="Node",
            name="n2",
            reason="ContainerGCFailed",
            message="rpc error: code = DeadlineExceeded desc = x",
        ),
    ),
    Failure(
        "unlisted warning of a node",
        "node-reported",
        "n2",
        "lane 3",
        partial(told, kind="Node", name="n2", reason="RetimerFault", message="PCIe retimer reports lane 3 down"),
    ),
    Failure(
        "two budgets of one pod",
        "drain-blocked-by-budget",
        f"{SPACE}/chat-2",
        "more than one",
        partial(told, kind="Pod", name="chat-2", reason="FailedEviction", message=f"Cannot evict pod: {_TWO}"),
    ),
)
