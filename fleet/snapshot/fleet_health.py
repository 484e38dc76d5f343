"""How everything in a fleet stands: GPUs, then the pods that hold them, then their workloads, and the nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleet.kinds.registry import kind_of
from fleet.model.frame import Frame
from fleet.model.objects import Pod, Workload
from fleet.model.snapshot import Assessment, Severity
from fleet.snapshot.gpu_accounting import FINISHED
from fleet.snapshot.health import (
    MAY_NOT_LIST,
    TROUBLED,
    application_xid,
    assess_gpu,
    assess_node,
    assess_pod,
    assess_workload,
)
from fleet.snapshot.topology import Topology
from fleet.sources.kube.state import KubeState

LEFT_OVER = 600.0
"""Seconds since its creation after which a failed pod is no reason for what its workload does now."""


def assessments(
    topology: Topology,
    kube: KubeState,
    frames: Mapping[str, Frame],
    reasons: Mapping[str, tuple[str, ...]],
    now: float,
) -> dict[str, Assessment]:
    """By the keys of GPUs, pods and workloads, and the names of nodes. ``reasons``: what lowers the clocks of GPUs.

    ``now`` is Unix time.
    """
    by_pod, by_gpu = frames["pod"], frames["gpu"]
    nothing: tuple[str, ...] = ()
    found = {key: assess_gpu(by_gpu, key, reasons.get(key, nothing)) for key in topology.gpus}
    xids = {key: xid for key in topology.gpus if (xid := application_xid(by_gpu, key))}
    ready = {key: _ready(topology, pods) for key, pods in topology.pods_of.items()}
    for key, pod in topology.pods.items():
        workload = topology.workload_of[key]
        gpus = topology.gpus_of.get(key, nothing)
        found[key] = assess_pod(
            pod,
            by_pod,
            [found[gpu] for gpu in gpus],
            workload in topology.model_of,
            measured=key in topology.engines_of,
            unmeasured=topology.unmeasured.get(key, ""),
            replaced=pod.phase == "Failed" and _is_replaced(topology, pod, workload, ready[workload], now),
            xids=[xids[gpu] for gpu in gpus if gpu in xids],
        )
        if xids and found[key].severity in TROUBLED:
            for gpu in gpus:
                if gpu in xids and found[gpu].severity not in TROUBLED:
                    found[gpu] = Assessment(Severity.WARNING, xids[gpu])
    for key, workload_row in topology.workloads.items():
        found[key] = _of_workload(topology, workload_row, ready.get(key, 0), found)
    for name, node in kube.nodes.items():
        found[name] = assess_node(node)
    return found


def _is_replaced(topology: Topology, pod: Pod, workload: str, ready: int, now: float) -> bool:
    """Whether a failed pod has had its successor: all replicas are ready, or at least there, and it is long ago."""
    if pod.owner is None or not kind_of(pod.owner.kind).replaces:
        # One that nothing replaces tells of itself for as long as it is there.
        return False
    desired = topology.workloads[workload].desired
    old = now - pod.created > LEFT_OVER
    return ready >= desired or (old and _live(topology, topology.pods_of[workload]) >= desired)


def _ready(topology: Topology, pods: Sequence[str]) -> int:
    return sum(topology.pods[p].ready for p in pods if topology.pods[p].deleted is None)


def _live(topology: Topology, pods: Sequence[str]) -> int:
    rows = (topology.pods[p] for p in pods)
    return sum(row.deleted is None and row.phase not in FINISHED for row in rows)


def _of_workload(topology: Topology, workload: Workload, ready: int, found: Mapping[str, Assessment]) -> Assessment:
    pods = topology.pods_of.get(workload.key, ())
    unseen = ""
    if not topology.coverage.sees("pods", workload.namespace):
        # What is not listed is not gone: the workload's own count is the better one until it is.
        unseen = "its pods are not listed yet" if "pods" in topology.coverage.pending else MAY_NOT_LIST
        ready = max(ready, workload.ready)
    critical = [p for p in pods if found[p].severity is Severity.CRITICAL]
    if kind_of(workload.kind).replica is not None:
        # A replica is a group of pods, and each that is critical takes its group away.
        serving = max(0, workload.desired - len(critical))
    else:
        serving = ready - _ready(topology, critical)
    return assess_workload(workload, [found[p] for p in pods], ready, serving, unseen)
