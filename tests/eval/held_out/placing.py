"""Pods that find no place, or are not made."""

from __future__ import annotations

from tests.eval import pods
from tests.eval.case import Case
from tests.eval.plots import pending
from tests.eval.registry import kind


@kind("taint-not-tolerated", "the free nodes have a taint that a new replica does not tolerate")
def taint(case: Case) -> None:
    count = len(case.raws("Node"))
    told = f"0/{count} nodes are available: {count} node(s) had untolerated taint {{workload: inference}}."
    pending(case, told, ("taint-not-tolerated", "untolerated-taint"), says="taint|tolerat", evidence=("taint",))


@kind("gpus-not-advertised", "the device plugin of a new node does not run: it has GPUs and offers none", lasts=420)
def not_advertised(case: Case) -> None:
    top = case.workload()
    node = case.node_of(top, case.pod(top))
    count = len(case.raws("Node"))
    made = pods.copied(case.raw("Node", "", node))
    made["metadata"] |= {"name": f"{node}9", "uid": "node-9", "creationTimestamp": pods.stamp(case.onset - 900)}
    made["status"]["allocatable"] |= {"nvidia.com/gpu": "0"}
    case.at(-85, lambda _: case.put(made))
    told = f"0/{count + 1} nodes are available: {count + 1} Insufficient nvidia.com/gpu."
    pending(
        case,
        told,
        ("gpus-not-advertised", "node-without-gpus", "device-plugin-down"),
        says="advertis|device plugin|offers none|has GPUs",
        evidence=("GPU",),
        top=top,
        beside=(f"{node}9",),
    )


@kind("service-account-missing", "the ServiceAccount of a workload was deleted: its pods are not made")
def account_missing(case: Case) -> None:
    top = case.workload(kinds=("Deployment",))
    told = f'pods "{top.name}-x" is forbidden: error looking up service account {top.namespace}/{top.name}: not found'
    rs = case.raw("Pod", top.namespace, case.pod(top))["metadata"]["ownerReferences"][0]["name"]
    case.desire(0, top, len(case.pods(top)) + 1)
    for seconds in (0.5, 20, 90):
        case.event(seconds, ("ReplicaSet", top.namespace, rs), "FailedCreate", f"Error creating: {told}")
    case.edit(0.5, top, lambda raw, now: pods.condition(raw, "ReplicaFailure", "True", now, "FailedCreate", told))
    case.fault(
        ("service-account-missing", "pods-refused", "pods-not-made"),
        top.key,
        says="service account|refuse|forbidden",
        evidence=("service account",),
        actions=("describe", "rollback"),
    )


@kind("rollout-paused", "somebody paused a rollout half-way and went home", lasts=600)
def rollout_paused(case: Case) -> None:
    top = case.workload(kinds=("Deployment",))

    def pause(raw: pods.Raw, now: float) -> None:
        raw["spec"]["paused"] = True
        raw["status"] |= {"updatedReplicas": 1}
        raw["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "3"
        raw["metadata"]["generation"] = raw["metadata"].get("generation", 1) + 1
        pods.condition(raw, "Progressing", "Unknown", now, "DeploymentPaused", "Deployment is paused")
        raw["status"]["conditions"][-1]["lastUpdateTime"] = pods.stamp(now)

    case.edit(0, top, pause)
    case.fault(
        ("rollout-paused",), top.key, says="paused", evidence=("paused",), actions=("resume", "rollback", "describe")
    )
