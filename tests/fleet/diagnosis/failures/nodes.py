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
    text = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi."
    failed(cluster.pod(), "Evicted", text)


def _fewer_than_its_label(cluster: Cluster) -> None:
    """The driver finds seven of the eight GPUs that the node was labelled with, since it was rebooted."""
    _allocatable(cluster, "7", "7")


def _told(cluster: Cluster, reason: str, message: str, *, normal: bool = False) -> None:
    for at in (-2, 290, 630):
        cluster.event("Node", "n2", reason, message, at=at, normal=normal)


def _tainted(cluster: Cluster, key: str, value: str = "", effect: str = "NoSchedule") -> None:
    cluster.node()["spec"]["taints"] = [{"key": key, "value": value, "effect": effect}]


_BUS = "kernel: NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
_MMU = "NVRM: Xid (PCI:0000:3b:00): 31, pid=4711, name=VLLM::Worker, Ch 00000008, MMU Fault: ENGINE GRAPHICS"
_HEALTH = "NVRM: Xid (PCI:0000:3b:00): 95, pid=4711, Uncontained ECC error"

FAILURES = (
    Failure("a gpu missing after a reboot", "gpus-withdrawn", "n2", "7 of 8", _fewer_than_its_label),
    Failure("xid by an event alone", "node-gpu-error", "n2", "Xid .*79", partial(_told, reason="GPUXid", message=_BUS)),
    Failure("ecc by an event alone", "node-gpu-error", "n2", "95", partial(_told, reason="XIDError", message=_HEALTH)),
    Failure(
        "task hung",
        "node-kernel-reports",
        "n2",
        "blocked for more than",
        partial(_told, reason="TaskHung", message="INFO: task nvidia-smi:9911 blocked for more than 120 seconds."),
    ),
    Failure(
        "spot node reclaimed",
        "node-leaves-soon",
        "n2",
        "spot",
        partial(_tainted, key="aws-node-termination-handler/spot-itn", value="i-0abc/1795220120"),
    ),
    Failure(
        "maintenance of the cloud",
        "node-leaves-soon",
        "n2",
        "impending",
        partial(_tainted, key="cloud.google.com/impending-node-termination"),
    ),
    Failure(
        "spot reclaim by an event",
        "node-leaves-soon",
        "n2",
        "Spot interruption",
        partial(_told, reason="SpotInterrupted", message="Spot interruption warning was triggered"),
    ),
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
