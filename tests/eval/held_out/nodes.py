"""Incidents of nodes that are gone or short of something."""

from __future__ import annotations

from tests.eval import pods
from tests.eval.case import Case
from tests.eval.numbers import Numbers
from tests.eval.plots import keys
from tests.eval.registry import kind


@kind("evicted-for-memory", "the kubelet puts a pod out because its node is short of memory")
def evicted(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    node = case.node_of(top, pod)
    case.take_node(node)
    told = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi."
    case.edit(
        0,
        ("Node", "", node),
        lambda raw, now: pods.condition(raw, "MemoryPressure", "True", now, "KubeletHasInsufficientMemory"),
    )
    case.edit_pod(1, top, pod, lambda raw, now: pods.failed(raw, now, "Evicted", told))
    case.event(1, ("Pod", top.namespace, pod), "Evicted", told)
    case.fault(
        ("node-pressure", "evicted", "node-memory-pressure"),
        node,
        *keys(top, pod),
        says="memory|short of",
        evidence=("MemoryPressure|memory",),
        actions=("describe", "drain", "nodes"),
    )


def _node(case: Case, status: str, reason: str, message: str) -> str:
    top = case.workload()
    node = case.node_of(top, case.pod(top, case.random.randrange(9)))
    on_it = case.take_node(node)
    case.edit(0, ("Node", "", node), lambda raw, now: pods.condition(raw, "Ready", status, now, reason, message))
    case.event(0, ("Node", "", node), "NodeNotReady", f"Node {node} status is now: NodeNotReady")
    for key in on_it:
        namespace, _, name = key.partition("/")
        case.edit(1, ("Pod", namespace, name), lambda raw, now: pods.condition(raw, "Ready", "False", now))
    case.shape(lambda numbers, _: _gone(numbers, on_it, node), after=-20 if status == "Unknown" else 5)
    return node


def _gone(numbers: Numbers, those: list[str], node: str) -> None:
    for pod in those:
        numbers.silence(pod, "i/o timeout")
    numbers.silence_gpus(*numbers.gpus_on(node))


@kind("node-not-ready", "the container runtime of a node is down, and its kubelet says so")
def node_not_ready(case: Case) -> None:
    node = _node(case, "False", "KubeletNotReady", "container runtime is down")
    case.fault("node-not-ready", node, says="not ready", evidence=("Ready",), actions=("describe", "cordon"))


@kind("kubelet-silent", "a node has gone: nobody hears from its kubelet")
def kubelet_silent(case: Case) -> None:
    node = _node(case, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    case.fault("kubelet-silent", node, says="kubelet|down", evidence=("Unknown",), actions=("past", "cordon"))


@kind("node-pid-pressure", "a node is short of process ids")
def pid_pressure(case: Case) -> None:
    top = case.workload()
    node = case.node_of(top, case.pod(top))
    case.take_node(node)
    case.edit(
        0,
        ("Node", "", node),
        lambda raw, now: pods.condition(raw, "PIDPressure", "True", now, "KubeletHasInsufficientPID"),
    )
    case.fault("node-pressure", node, says="process|short of", evidence=("PIDPressure",), actions=("describe", "drain"))
