"""The nodes that can be why a pod gets none: those that the scheduler's own words mean.

The message of the pod's condition PodScheduled counts the nodes per reason. A sick node is to blame only where one of
these reasons is its sickness: a pod that is refused for a taint of one node does not wait for the disk of another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from fleet.diagnosis.causes.scheduler_reasons import Refused, refusals_in
from fleet.model.finding import Finding
from fleet.model.objects import Node, Pod
from fleet.model.snapshot import Snapshot

_CORDON: Final = "unschedulable"
_OF_KUBERNETES: Final[Mapping[str, tuple[str, str, Collection[str]]]] = {
    "not-ready": ("Ready", "False", ("node-not-ready", "node-never-ready", "node-leaves-soon")),
    "unreachable": ("Ready", "Unknown", ("kubelet-silent", "node-leaves-soon")),
    "memory-pressure": ("MemoryPressure", "True", ("node-pressure",)),
    "disk-pressure": ("DiskPressure", "True", ("node-pressure",)),
    "pid-pressure": ("PIDPressure", "True", ("node-pressure",)),
    "network-unavailable": ("NetworkUnavailable", "True", ("node-network-unavailable",)),
    _CORDON: ("", "", ("node-cordoned", "node-leaves-soon")),
}
"""Taint of Kubernetes' own → the condition for which a node gets it, and the causes that are about it."""
_PREFIX: Final = "node.kubernetes.io/"
_WITHDRAWN: Final = frozenset({"gpus-withdrawn", "no-gpu-allocatable"})


def said_of(pod: Pod) -> str:
    """Return the scheduler's message about a pod; empty for none."""
    found = (one.message for one in pod.conditions if one.type == "PodScheduled" and one.status == "False")
    return next(found, "")


def keeps_out(snapshot: Snapshot, found: Finding, pod: Pod) -> bool:
    """True if the scheduler's words about a pod allow that a finding at a node is why it gets none."""
    node = snapshot.nodes.get(found.key)
    if node is None:
        return False
    refusals = refusals_in(said_of(pod))
    if found.cause in _WITHDRAWN:
        return any(one.by.id == "device" and _would_do(snapshot, node, pod, one.what) for one in refusals)
    return any(one.by.id == "closed" and _is_closed_by(node, found.cause, one) for one in refusals)


def _is_closed_by(node: Node, cause: str, refused: Refused) -> bool:
    """True if a node refuses pods as these words say, for a cause at it."""
    taint = refused.what
    known = _OF_KUBERNETES.get(taint.removeprefix(_PREFIX))
    if known is None:
        return any(key == taint for key, _, _ in node.taints)
    condition, status, causes = known
    if cause not in causes:
        return False
    if not condition:
        return node.unschedulable
    if condition == "Ready":
        return node.ready == status
    return any(one.type == condition and one.status == status for one in node.conditions)


def _would_do(snapshot: Snapshot, node: Node, pod: Pod, resource: str) -> bool:
    """True if a node would have enough GPUs for a pod with those that are withdrawn, and has not without them."""
    withdrawn = node.gpu_capacity.get(resource, 0) - node.gpus.get(resource, 0)
    if withdrawn <= 0 or node.unschedulable or node.ready != "True":
        return False
    free = snapshot.free_gpus.get(node.name)
    if free is None:
        # Of a node without an allocatable GPU the accounting has no row.
        return not snapshot.free_gpus or pod.gpus <= withdrawn
    return free[0] < pod.gpus <= free[0] + withdrawn
