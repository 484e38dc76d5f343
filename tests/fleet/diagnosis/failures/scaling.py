"""Autoscalers and rollouts, in the words of their controllers (podautoscaler, KEDA, StatefulSets, LeaderWorkerSets)."""

from __future__ import annotations

from functools import partial

from tests.fleet.diagnosis.cluster import (
    SPACE,
    Cluster,
    Failure,
    autoscaler,
    condition,
    crashing,
    meta,
    node,
    pod,
    unplaced,
    unready,
)

CHAT = f"{SPACE}/Deployment/chat"
STATEFUL = f"{SPACE}/StatefulSet/chat"
GROUPED = f"{SPACE}/LeaderWorkerSet/chat"


def _scaler(cluster: Cluster, *conditions: tuple[str, str, str, str]) -> None:
    cluster.put(autoscaler(*conditions))


def _scaled_object(cluster: Cluster, reason: str, message: str) -> None:
    _scaler(cluster, ("AbleToScale", "True", "ReadyForNewScale", ""), ("ScalingActive", "True", "ValidMetricFound", ""))
    for at in (-2, 60, 125, 300, 630):
        cluster.event("ScaledObject", "chat", reason, message, at=at)


def _held(cluster: Cluster) -> None:
    """The last pod has a revision that crashes, and the revision that mends it does not get to it."""
    cluster.top["status"] |= {"updateRevision": "chat-3", "currentRevision": "chat-1", "updatedReplicas": 0}
    for number in range(3):
        cluster.pod(number)["metadata"]["labels"] |= {"controller-revision-hash": "chat-1"}
        del cluster.pod(number)["metadata"]["labels"]["pod-template-hash"]
    cluster.pod()["metadata"]["labels"] |= {"controller-revision-hash": "chat-2"}
    cluster.top["status"]["readyReplicas"] = 2
    crashing(cluster.pod(), 1)


def _not_observed(cluster: Cluster) -> None:
    cluster.top["metadata"]["generation"] = 7
    cluster.top["status"]["observedGeneration"] = 6


def _no_replica_set(cluster: Cluster) -> None:
    text = 'Failed to create new replica set "chat-7c9": replicasets.apps "chat-7c9" is forbidden: exceeded quota: sets'
    condition(cluster.top, "Progressing", "False", "ReplicaSetCreateError", text)


def _group(cluster: Cluster, waits: str) -> None:
    """A leader that waits for its worker, for which no node has GPUs."""
    labels = {"name": "chat", "group-index": "2", "worker-index": "1"}
    worker = pod("chat-2-1", ("StatefulSet", "chat-2"), "n3")
    worker["metadata"]["labels"] |= {f"leaderworkerset.sigs.k8s.io/{one}": value for one, value in labels.items()}
    cluster.put(node("n3"))
    unplaced(worker, "0/4 nodes are available: 4 Insufficient nvidia.com/gpu.")
    cluster.put(worker)
    unready(cluster.pod())
    cluster.pod_event("Unhealthy", waits)
    cluster.top["status"]["readyReplicas"] = 2


def _no_target(cluster: Cluster) -> None:
    """An autoscaler of a Deployment that does not exist."""
    gone = ("AbleToScale", "False", "FailedGetScale", 'deployments/scale.apps "code" not found')
    cluster.put(autoscaler(gone, target="code"))


def _two_autoscalers(cluster: Cluster) -> None:
    """An HPA written by hand beside the one of KEDA."""
    fine = ("AbleToScale", "True", "ReadyForNewScale", "")
    text = "pods by selector app=chat are controlled by multiple HPAs: [serving/keda-hpa-chat serving/chat-cpu]"
    for name in ("keda-hpa-chat", "chat-cpu"):
        raw = autoscaler(fine, ("ScalingActive", "False", "AmbiguousSelector", text))
        raw["metadata"] |= {"name": name, "uid": f"uid-{name}"}
        cluster.put(raw)


def _deleted(cluster: Cluster, *left: str) -> None:
    """Somebody deletes the Deployment, and forgets what belongs to it."""
    if "service" in left:
        spec = {"type": "ClusterIP", "selector": {"app": "chat"}, "ports": [{"name": "http", "port": 80}]}
        cluster.put({"kind": "Service", "metadata": meta("chat"), "spec": spec})
        cluster.at(-15)
    del cluster.raws["Deployment", SPACE, "chat"]
    # What it made is collected a moment later.
    cluster.at(-10)
    for key in [key for key in cluster.raws if key[0] in ("ReplicaSet", "Pod")]:
        del cluster.raws[key]
    if "autoscaler" in left:
        gone = ("AbleToScale", "False", "FailedGetScale", 'deployments/scale.apps "chat" not found')
        cluster.put(autoscaler(gone))


FAILURES = (
    Failure("autoscaler without a target", "autoscaler-without-target", "serving/Deployment/code", "code", _no_target),
    Failure("two autoscalers", "autoscalers-conflict", CHAT, "chat-cpu", _two_autoscalers),
    Failure(
        "deleted with its autoscaler left",
        "autoscaler-without-target",
        CHAT,
        "chat",
        lambda cluster: _deleted(cluster, "autoscaler"),
    ),
    Failure(
        "deleted with its service left",
        "workload-gone",
        CHAT,
        "Service chat",
        lambda cluster: _deleted(cluster, "service"),
    ),
    Failure(
        "no metric",
        "autoscaler-blind",
        CHAT,
        "unable to get external metric",
        lambda cluster: _scaler(
            cluster,
            ("AbleToScale", "True", "SucceededGetScale", ""),
            (
                "ScalingActive",
                "False",
                "FailedGetExternalMetric",
                "the HPA was unable to compute the replica count: unable to get external metric serving/s0-prometheus",
            ),
        ),
    ),
    Failure(
        "no scale",
        "autoscaler-cannot-scale",
        CHAT,
        "no matches for kind",
        lambda cluster: _scaler(
            cluster,
            (
                "AbleToScale",
                "False",
                "FailedGetScale",
                'the HPA controller was unable to get the target\'s current scale: no matches for kind "Deployment"',
            ),
        ),
    ),
    Failure(
        "source of the metric away",
        "autoscaler-blind",
        CHAT,
        "connection refused",
        partial(
            _scaled_object,
            reason="KEDAScalerFailed",
            message='Get "http://prometheus.monitoring:9090/api/v1/query": dial tcp 10.0.0.1:9090: connection refused',
        ),
    ),
    Failure(
        "autoscaler falls back",
        "autoscaler-blind",
        CHAT,
        "fallback",
        partial(
            _scaled_object,
            reason="ScaledObjectFallbackActivated",
            message="scaler prometheus fails, fallback to 4 replicas",
        ),
    ),
    Failure("held by a broken pod", "rollout-held-by-pod", STATEFUL, "chat-2", _held, "StatefulSet"),
    Failure("nobody acts", "change-not-observed", CHAT, "generation 7", _not_observed),
    Failure("no replica set", "quota-exceeded", CHAT, "sets", _no_replica_set),
    Failure(
        "a leader waits for its worker",
        "no-free-gpu",
        f"{SPACE}/chat-2-1",
        "GPU",
        partial(_group, waits="Readiness probe failed: connection refused"),
        "LeaderWorkerSet",
    ),
)
