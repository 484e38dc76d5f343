"""Pods that no node takes, and pods that are not made at all."""

from __future__ import annotations

from tests.eval import pods
from tests.eval.case import Case, Top
from tests.eval.plots import keys, pending
from tests.eval.registry import EVENTS, kind


def _of_nodes(case: Case, why: str) -> str:
    count = len(case.raws("Node"))
    none = f"0/{count} nodes are available"
    return f"{none}: {why}. preemption: {none}: {count} Preemption is not helpful for scheduling."


@kind("no-free-gpu", "a replica more is wanted, and all GPUs are taken")
def no_free_gpu(case: Case) -> None:
    message = _of_nodes(case, f"{len(case.raws('Node'))} Insufficient nvidia.com/gpu")
    pending(
        case, message, "no-free-gpu", says="no free GPU|GPUs are short", evidence=("GPU",), actions=("nodes", "scale")
    )


@kind("gpus-fragmented", "as many GPUs are free as an engine needs, on several nodes")
def gpus_fragmented(case: Case) -> None:
    top = case.workload(gpus=4)
    count = len(case.raws("Node"))
    message = _of_nodes(
        case, f"{count - 2} node(s) didn't match Pod's node affinity/selector, 2 Insufficient nvidia.com/gpu"
    )
    pending(
        case,
        message,
        ("gpus-fragmented", "no-free-gpu"),
        says="fragment|free GPU",
        evidence=("GPU",),
        top=top,
        actions=("nodes",),
    )


@kind("node-selector-unmatched", "a new revision asks for a label that no node has")
def selector_unmatched(case: Case) -> None:
    count = len(case.raws("Node"))
    message = _of_nodes(case, f"{count} node(s) didn't match Pod's node affinity/selector")
    pending(
        case,
        message,
        ("node-selector-unmatched", "affinity-unmatched"),
        says="selector|affinity|no node has (the|its) label",
        evidence=("affinity|selector",),
    )


@kind("memory-request-too-large", "a new revision asks for more memory than a node has")
def memory_request(case: Case) -> None:
    count = len(case.raws("Node"))
    pending(
        case,
        _of_nodes(case, f"{count} Insufficient memory"),
        ("memory-short", "memory-request-too-large", "no-free-memory"),
        says=r"\b(CPU|memory)\b",
        evidence=("Insufficient memory",),
    )


@kind("anti-affinity", "replicas must not share a node, and there are not enough nodes")
def anti_affinity(case: Case) -> None:
    count = len(case.raws("Node"))
    pending(
        case,
        _of_nodes(case, f"{count} node(s) didn't match pod anti-affinity rules"),
        ("anti-affinity", "spread-unsatisfied"),
        says="anti-affinity|spread",
        evidence=("anti-affinity",),
    )


@kind("volume-not-bound", "the claim of a new replica has no volume")
def volume_not_bound(case: Case) -> None:
    count = len(case.raws("Node"))
    pending(
        case,
        f"0/{count} nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
        ("volume-not-bound", "claim-not-bound", "volume-unbound"),
        says="volume|claim",
        evidence=("PersistentVolumeClaim",),
        top=case.workload(kinds=("StatefulSet",)),
    )


@kind("volume-in-other-zone", "the volume of a replica is in a zone without a free node")
def volume_in_other_zone(case: Case) -> None:
    count = len(case.raws("Node"))
    pending(
        case,
        _of_nodes(case, f"{count} node(s) had volume node affinity conflict"),
        ("volume-in-other-zone", "volume-zone", "volume-node-affinity"),
        says="volume",
        evidence=("volume node affinity",),
        top=case.workload(kinds=("StatefulSet",)),
    )


@kind("host-port-taken", "a new revision wants a port of the node that another pod has")
def host_port(case: Case) -> None:
    count = len(case.raws("Node"))
    pending(
        case,
        _of_nodes(case, f"{count} node(s) didn't have free ports for the requested pod ports"),
        ("host-port-taken", "node-port-taken"),
        says=r"\bports?\b",
        evidence=("free ports",),
    )


@kind("preempted-by-priority", "a job of higher priority takes the node of a replica")
def preempted(case: Case) -> None:
    top = case.workload()
    old = case.pod(top, 1)
    message = f"Preempted by pod 7f1c2d0e-5b0f-4b9a-9d55-0c1f6f2f9f10 on node {case.node_of(top, old)}"
    case.event(0, ("Pod", top.namespace, old), "Preempted", message)

    def disrupted(raw: pods.Raw, now: float) -> None:
        text = "default-scheduler: preempting to accommodate a higher priority pod"
        pods.condition(raw, "DisruptionTarget", "True", now, "PreemptionByScheduler", text)

    case.edit_pod(0, top, old, disrupted)
    case.delete(1, top, old)
    why = _of_nodes(case, f"{len(case.raws('Node'))} Insufficient nvidia.com/gpu")
    name = case.new_pod(3, top, lambda raw, now: pods.unplaced(raw, now, why))
    case.event(3, ("Pod", top.namespace, name), "FailedScheduling", why)
    case.fault(
        ("preempted", "preempted-by-priority"),
        *keys(top, name, old),
        says="preempt(ed|s)? by|higher priority",
        evidence=("priority|Preempted",),
        actions=("nodes", "scale", "describe"),
    )


def _refused(case: Case, message: str) -> Top:
    """The ReplicaSet of a Deployment may not make the pod that it wants."""
    top = case.workload(kinds=("Deployment",))
    case.desire(0, top, len(case.pods(top)) + 1)
    rs = case.raw("Pod", top.namespace, case.pod(top))["metadata"]["ownerReferences"][0]["name"]
    for seconds in (0.5, 15, 60, 200):
        case.event(seconds, ("ReplicaSet", top.namespace, rs), "FailedCreate", f"Error creating: {message}")

    def fails(raw: pods.Raw, now: float) -> None:
        pods.condition(raw, "ReplicaFailure", "True", now, "FailedCreate", message)

    case.edit(0.5, ("ReplicaSet", top.namespace, rs), fails)
    case.edit(0.5, top, fails)
    return top


@kind("quota-exceeded", "the namespace's quota of GPUs is used up: the pod is never made")
def quota(case: Case) -> None:
    message = (
        'pods "chat-x" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=4, '
        "used: requests.nvidia.com/gpu=24, limited: requests.nvidia.com/gpu=24"
    )
    top = _refused(case, message)
    case.fault(
        ("quota-exceeded", "pods-refused", "quota"),
        top.key,
        says="quota",
        evidence=("quota",),
        actions=("scale", "describe"),
    )


@kind("webhook-denies", "an admission webhook refuses the pods of a workload")
def webhook(case: Case) -> None:
    top = _refused(case, 'admission webhook "policy.example.com" denied the request: image is not signed')
    case.fault(
        ("webhook-denies", "pods-refused", "admission-denied"),
        top.key,
        says="webhook|admission|refuse",
        evidence=("webhook",),
        actions=("describe", "rollback"),
    )


@kind("rollout-stuck", "a rollout needs a GPU more than there are, and its deadline passes")
def rollout_stuck(case: Case) -> None:
    top = case.workload(kinds=("Deployment",))
    why = _of_nodes(case, f"{len(case.raws('Node'))} Insufficient nvidia.com/gpu")
    name = case.new_pod(-85, top, lambda raw, now: pods.unplaced(raw, now - 600, why))
    case.event(-84, ("Pod", top.namespace, name), "FailedScheduling", why)

    def given_up(raw: pods.Raw, now: float) -> None:
        text = f'ReplicaSet "{top.name}-6d9f7c" has timed out progressing.'
        pods.condition(raw, "Progressing", "False", now, "ProgressDeadlineExceeded", text)
        raw["status"]["updatedReplicas"] = 1
        raw["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "3"

    case.edit(0, top, given_up)
    # What the rollout waits for is its root.
    case.fault(
        ("rollout-stuck", "no-free-gpu"),
        *keys(top, name),
        says="no free GPU|rollout",
        evidence=("GPU|deadline",),
        actions=("rollback", "nodes", "scale", "describe"),
    )


@kind("drain-blocked-by-budget", "a node is drained, and a budget lets no pod go", needs=(EVENTS,))
def drain_blocked(case: Case) -> None:
    budgets = case.raws("PodDisruptionBudget")
    if budgets:
        budget = case.random.choice(budgets)
        name = budget["metadata"]["name"]
        top = next(top for top in case.tops() if top.name == name)
        top = case.claim(top)
        case.edit(
            -1, ("PodDisruptionBudget", top.namespace, name), lambda raw, _: raw["status"].update(disruptionsAllowed=0)
        )
    else:
        top = case.workload()
    pod = case.pod(top)
    node = case.node_of(top, pod)
    case.edit(0, ("Node", "", node), lambda raw, _: raw["spec"].update(unschedulable=True))
    text = "Cannot evict pod as it would violate the pod's disruption budget."
    for seconds in (5, 35, 95, 185):
        case.event(seconds, ("Pod", top.namespace, pod), "FailedEviction", text)
    case.fault(
        ("drain-blocked", "budget-blocks", "drain-blocked-by-budget"),
        *keys(top, pod),
        node,
        f"{top.namespace}/{top.name}",
        says="budget",
        evidence=("budget",),
        actions=("scale", "describe"),
        after=5,
    )
    case.not_asked("node-cordoned")
