"""Nodes, by the conditions that their kubelets and the node controller set."""

from __future__ import annotations

from fleet.diagnosis.cause import Help, NodeCause, Stage, says
from fleet.diagnosis.causes.symptoms import AWAY, GPU_SILENCE, SILENCE, STUCK
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.model.counting import count
from fleet.model.node_conditions import node_problem
from fleet.model.objects import Condition, Node
from fleet.model.severity import Severity


def _ready(node: Node) -> str:
    """Return the condition Ready, with its reason and its message."""
    found = next((one for one in node.conditions if one.type == "Ready"), None)
    detail = "" if found is None else ": ".join(filter(None, (found.reason, found.message)))
    return f"Ready is {node.ready}" + (f", {detail}" if detail else "")


def _why(node: Node) -> str:
    """Return the gist of what its kubelet says; empty for nothing."""
    found = next((one for one in node.conditions if one.type == "Ready"), None)
    return "" if found is None else gist(found.message)


def _pressed(node: Node) -> list[Condition]:
    return [one for one in node.conditions if one.type.endswith("Pressure") and one.status == "True"]


def _pressures(node: Node) -> list[str]:
    return [one.type for one in _pressed(node)]


def _never_ready(node: Node) -> bool | None:
    since = next((one.since for one in node.conditions if one.type == "Ready"), None)
    return None if since is None else node.ready == "False" and since - node.created < AT_ONCE


def _network(node: Node) -> tuple[str, str, str] | None:
    found = (one for one in node.conditions if one.type == "NetworkUnavailable" and one.status == "True")
    return next(((one.type, one.reason, one.message) for one in found), None)


def _reported(node: Node) -> str:
    found = node_problem(node)
    return "" if found is None else " ".join(filter(None, (found.type, found.reason, found.message)))


def _withdrawn(node: Node) -> int:
    return sum(node.gpu_capacity.values()) - sum(node.gpus.values())


def _of_gpus(node: Node) -> str:
    return f"{sum(node.gpus.values())} of {sum(node.gpu_capacity.values())} allocatable"


AT_ONCE = 30.0
"""Seconds after a node was made within which its kubelet writes its conditions for the first time."""
_JOINING: Fact[Node] = Fact("it has not been ready yet", "condition Ready, metadata.creationTimestamp", _never_ready)

JOINING = NodeCause(
    id="node-never-ready",
    stage=Stage.BROKEN,
    severity=Severity.WARNING,
    sentence="The node has joined but has not become ready.",
    words=lambda node: ": ".join(filter(None, ("joins", _why(node)))),
    must=(Fact("Ready is False", "condition Ready", lambda node: node.ready == "False", _ready), _JOINING),
    explains=("nodes-closed", "sandbox-not-created", "csi-driver-missing"),
    after=600,
    helps=(Help("see what the kubelet waits for", "describe"),),
    decides=("the message of its condition Ready: most new nodes wait for the network plugin",),
)
NOT_READY = NodeCause(
    id="node-not-ready",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The kubelet reports that its node is not ready.",
    words=lambda node: ": ".join(filter(None, ("not ready", _why(node)))),
    must=(Fact("Ready is False", "condition Ready", lambda node: node.ready == "False", _ready),),
    must_not=(_JOINING,),
    explains=(*AWAY, *SILENCE, *GPU_SILENCE, *STUCK, "nodes-closed", "sandbox-not-created", "csi-driver-missing"),
    helps=(Help("read what the kubelet reports", "describe"), Help("keep new pods off it", "cordon")),
    avoid=("Do not force-delete its pods: two engines may then write to one volume.",),
)
SILENT = NodeCause(
    id="kubelet-silent",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The kubelet has stopped reporting: the node is down or cut off.",
    words=says("kubelet silent"),
    must=(Fact("Ready is Unknown", "condition Ready", lambda node: node.ready not in ("True", "False"), _ready),),
    explains=(*AWAY, *SILENCE, *GPU_SILENCE, *STUCK, "nodes-closed", "sandbox-not-created", "csi-driver-missing"),
    helps=(Help("see since when, and what happened before", "past"), Help("keep new pods off it", "cordon")),
    avoid=("Do not force-delete its pods: two engines may then write to one volume.",),
)
PRESSURE = NodeCause(
    id="node-pressure",
    severity=Severity.WARNING,
    sentence="The node is short of memory, disk or process IDs, and evicts pods.",
    words=lambda node: ", ".join(_pressures(node)),
    must=(
        Fact(
            "a resource is short",
            "conditions",
            lambda node: bool(_pressures(node)),
            lambda node: "; ".join(": ".join(filter(None, (one.type, one.message))) for one in _pressed(node)),
        ),
    ),
    explains=("evicted", "nodes-closed"),
    before=("node-cordoned",),
    helps=(Help("see what is short, and what uses it", "describe"), Help("move its pods", "drain")),
)
NETWORK = NodeCause(
    id="node-network-unavailable",
    severity=Severity.CRITICAL,
    sentence="The node has no route to the pods of other nodes: pods here cannot be reached.",
    words=says("network unavailable"),
    must=(
        Fact(
            "its network is not set up",
            "condition NetworkUnavailable",
            lambda node: _network(node) is not None,
            lambda node: " ".join(filter(None, _network(node) or ())),
        ),
    ),
    explains=(*AWAY, *SILENCE, *GPU_SILENCE, "nodes-closed", "sandbox-not-created"),
    before=("node-pressure", "node-cordoned"),
    helps=(Help("see what the network plugin says", "describe"), Help("keep new pods off it", "cordon")),
    avoid=("Do not restart its pods: they come back to a node without a route.",),
)
PROBLEM = NodeCause(
    id="node-problem",
    severity=Severity.WARNING,
    sentence="An agent on the node reports a problem of it that Kubernetes itself does not know.",
    words=lambda node: _reported(node).partition(" ")[0],
    must=(
        Fact(
            "a condition of the node reports a problem",
            "conditions",
            lambda node: node_problem(node) is not None,
            _reported,
        ),
    ),
    runs_on=True,
    explains=("nodes-closed",),
    before=("node-cordoned",),
    after=60,
    lookalikes=("node-pressure", "node-network-unavailable"),
    helps=(
        Help("read what the agent reports", "describe"),
        Help("see since when", "past"),
        Help("keep new pods off it", "cordon"),
    ),
    avoid=("Do not reboot it with pods on it: drain it first.",),
    decides=("the kernel's log of the node: the agent quotes a line of it",),
)
"""The node problem detector's conditions are True for a problem (KernelDeadlock, ReadonlyFilesystem, GPU conditions of
health agents); those of EKS' node monitoring agent end with Ready and are False for one.
"""
_FEWER: Fact[Node] = Fact(
    "fewer GPUs are allocatable than it has",
    "status.allocatable, status.capacity",
    lambda n: _withdrawn(n) > 0,
    _of_gpus,
)
_NONE_LEFT: Fact[Node] = Fact("none is", "status.allocatable", lambda node: not any(node.gpus.values()))
GPUS_WITHDRAWN = NodeCause(
    id="gpus-withdrawn",
    severity=Severity.WARNING,
    sentence="The device plugin reports some GPUs of the node as unhealthy: pods cannot get them.",
    words=lambda node: f"{count(_withdrawn(node), 'GPU')} withdrawn",
    must=(_FEWER,),
    must_not=(_NONE_LEFT,),
    runs_on=True,
    explains=("no-free-gpu", "refused-by-node"),
    before=("node-cordoned",),
    after=120,
    helps=(Help("see its GPUs, and what their driver reports", "describe"), Help("see since when", "past")),
    avoid=("Do not restart the device plugin before you have the driver's report: it would offer a faulty GPU again.",),
    decides=("the XIDs of its GPUs: the plugin withdraws a GPU for an XID that it considers critical",),
)
NO_GPUS = NodeCause(
    id="no-gpu-allocatable",
    severity=Severity.WARNING,
    sentence="The node has GPUs, but none is allocatable: its device plugin is not running or sees none.",
    words=says("no GPU allocatable"),
    must=(_FEWER, _NONE_LEFT),
    runs_on=True,
    explains=("no-free-gpu", "refused-by-node"),
    before=("node-cordoned",),
    # The driver of a node that has joined takes minutes.
    after=900,
    helps=(Help("see what runs on it: driver, toolkit, device plugin", "describe"), Help("see since when", "past")),
    avoid=("Do not just wait: pods that need its GPUs stay pending.",),
)
CORDONED = NodeCause(
    id="node-cordoned",
    severity=Severity.WARNING,
    sentence="The node is cordoned: no new pods are scheduled on it.",
    words=says("cordoned"),
    must=(Fact("it is cordoned", "spec.unschedulable", lambda node: node.unschedulable),),
    runs_on=True,
    explains=("nodes-closed",),
    helps=(Help("see who did it, and when", "past"), Help("uncordon it", "uncordon")),
)
