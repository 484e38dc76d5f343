"""Nodes and their devices, in the words of the kubelet, the node controller and health agents."""

from __future__ import annotations

from functools import partial

from tests.fleet.diagnosis.cluster import GPU, Cluster, Failure, condition, failed


def _not_ready(cluster: Cluster, message: str, status: str = "False", reason: str = "KubeletNotReady") -> None:
    condition(cluster.node(), "Ready", status, reason, message)


def _agent(cluster: Cluster, kind: str, reason: str, message: str, status: str = "True") -> None:
    condition(cluster.node(), kind, status, reason, message)


def _allocatable(cluster: Cluster, allocatable: str, capacity: str) -> None:
    cluster.node()["status"] |= {"allocatable": {GPU: allocatable}, "capacity": {GPU: capacity}}


def _memory(cluster: Cluster) -> None:
    condition(
        cluster.node(), "MemoryPressure", "True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory"
    )
    told = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi."
    failed(cluster.pod(), "Evicted", told)


FAILURES = (
    Failure(
        "runtime down",
        "node-not-ready",
        "n2",
        "container runtime is down",
        partial(_not_ready, message="container runtime is down"),
    ),
    Failure(
        "pleg",
        "node-not-ready",
        "n2",
        "PLEG is not healthy",
        partial(_not_ready, message="PLEG is not healthy: pleg was last seen active 3m5s ago; threshold is 3m0s"),
    ),
    Failure(
        "kubelet lost",
        "kubelet-silent",
        "n2",
        "stopped posting",
        partial(
            _not_ready,
            message="Kubelet stopped posting node status.",
            status="Unknown",
            reason="NodeStatusUnknown",
        ),
    ),
    Failure("memory pressure", "node-pressure", "n2", "insufficient memory", _memory),
    Failure(
        "clock",
        "node-problem",
        "n2",
        "NTP service is not running",
        partial(_agent, kind="NTPProblem", reason="NTPIsDown", message="NTP service is not running"),
    ),
    Failure(
        "gpu health agent",
        "node-problem",
        "n2",
        "Xid: 48",
        partial(_agent, kind="GpuXidError", reason="GpuXidErrorIsNotHealthy", message="Xid: 48 GPU-1a"),
    ),
    Failure(
        "one gpu withdrawn", "gpus-withdrawn", "n2", "7 of 8", partial(_allocatable, allocatable="7", capacity="8")
    ),
    Failure(
        "device plugin stopped",
        "no-gpu-allocatable",
        "n2",
        "0 of 8",
        partial(_allocatable, allocatable="0", capacity="8"),
    ),
    Failure(
        "device plugin gone for long",
        "no-gpu-allocatable",
        "n2",
        "0 of 8",
        partial(_allocatable, allocatable="0", capacity="0"),
    ),
)
