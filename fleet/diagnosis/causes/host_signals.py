"""Hosts whose disks, services, processors or links fail, and processes that their kernel kills: by exporters' numbers.

The limits are in the questions to the store: fleet/metrics/store_signals.py.
"""

from __future__ import annotations

from fleet.diagnosis.cause import Help
from fleet.diagnosis.causes.signals import LINKED, signal_is, signal_words
from fleet.diagnosis.causes.symptoms import CANARY_SILENT, ENDED, SLOWNESS, STUCK
from fleet.diagnosis.families.signal_cause import NodeSignalCause, PodSignalCause, SignalSubject
from fleet.diagnosis.sign import Fact
from fleet.model.severity import Severity

_CORDON, _PAST = Help("keep new pods off the node", "cordon"), Help("see what happened before", "past")
_ON_NODE = (Help("see its conditions, and what runs on it", "describe"), _CORDON, _PAST)
_DRAIN = Help("move its pods, then repair or replace it", "drain")

PROCESS_KILLED = PodSignalCause(
    id="process-killed-for-memory",
    severity=Severity.WARNING,
    sentence="The kernel killed a process of the engine's container for its memory: what is left may answer nobody.",
    words=signal_words("container-oom", "a process was killed for memory"),
    must=(
        signal_is(
            "container-oom",
            "processes were killed at the memory limit",
            "container_oom_events_total",
            "{:.0f} in 10 min, container {part}",
        ),
    ),
    # Where the container itself ended, its status says so, and it was started again.
    must_not=(
        Fact[SignalSubject](
            "its container ended",
            "lastState.terminated.reason",
            lambda of: of.pod is not None and any(one.last_reason == "OOMKilled" for one in of.pod.containers),
            lambda _: "its container was OOM-killed as a whole",
        ),
    ),
    explains=("errors", "rank-unhealthy", "rank-stuck", CANARY_SILENT, *STUCK),
    peers=True,
    clears=600,
    lookalikes=("out-of-memory", "memory-near-limit", "node-memory-low"),
    helps=(
        Help("see its memory limit", "describe"),
        Help("read what its log ends with", "logs"),
        Help("restart it, if it does not answer", "restart"),
    ),
    avoid=("Do not trust that its pod is Running and ready: the process that was killed need not be the first one.",),
    decides=("which process: a worker of the engine takes all requests with it, a helper may take none",),
)
"""Findings catalogue F16: a killed worker leaves the pod running."""
MEMORY_STALLS = NodeSignalCause(
    id="node-memory-stalls",
    severity=Severity.WARNING,
    sentence="Everything on the node waits for memory again and again: the kernel frees and reads back pages.",
    words=signal_words("node-memory-stalls", "stalled for memory {:.0%} of the time"),
    must=(
        signal_is(
            "node-memory-stalls",
            "all its processes wait for memory more than a tenth of the time",
            "node_pressure_memory_stalled_seconds_total",
            "{:.0%} of the time",
        ),
    ),
    explains=("node-pressure", "kubelet-silent", "readiness-probe-fails", "killed-by-liveness-probe", *SLOWNESS),
    after=120,
    clears=300,
    lookalikes=("node-memory-low", "memory-near-limit"),
    helps=_ON_NODE,
    avoid=("Do not place more pods there: it has memory left only because pages are dropped and read again.",),
    decides=("what uses it: weights that are mapped from a disk, KV blocks that are offloaded, or another workload",),
)
"""Findings catalogue F17."""
DISK_FULL = NodeSignalCause(
    id="node-disk-full",
    severity=Severity.WARNING,
    sentence="A disk of the node is full: images, logs and caches can no longer be written there.",
    words=signal_words("node-disk-full", "{part} has {:.1%} free"),
    must=(
        signal_is(
            "node-disk-full",
            "less than a hundredth of it is free",
            "node_filesystem_avail_bytes / node_filesystem_size_bytes",
            "{:.1%} of {part} is free",
        ),
    ),
    runs_on=True,
    explains=("node-pressure", "evicted", "disk-full-in-pod", "image-not-pulled", "sandbox-not-created", *ENDED),
    after=60,
    clears=300,
    lookalikes=("node-pressure", "volume-full"),
    helps=(*_ON_NODE, Help("remove images and files that nothing uses")),
    avoid=("Do not restart pods there before there is room: they may not come back.",),
    decides=("what fills it: images, logs, or model files in a directory of the host",),
)
DISK_READ_ONLY = NodeSignalCause(
    id="node-disk-read-only",
    severity=Severity.CRITICAL,
    sentence="The disk that the kubelet and the runtime write to has become read-only: no pod can start there.",
    words=signal_words("node-disk-read-only", "{part} is read-only"),
    must=(
        signal_is(
            "node-disk-read-only", "its disk is mounted read-only", "node_filesystem_readonly", "{part} is read-only"
        ),
    ),
    runs_on=True,
    explains=(
        *("node-problem", "node-kernel-reports", "node-not-ready", "kubelet-silent", "sandbox-not-created"),
        *("image-not-pulled", "file-permission-denied", "storage-reads-fail", "volume-not-mounted"),
        *ENDED,
    ),
    after=60,
    lookalikes=("node-problem", "node-disk-full"),
    helps=(_CORDON, _DRAIN, _PAST),
    avoid=("Do not remount it for writing: the kernel stops writing where the disk fails.",),
    decides=("the kernel's log of the node: errors of the disk, or of the file system alone",),
)
SERVICE_FAILED = NodeSignalCause(
    id="node-service-failed",
    severity=Severity.WARNING,
    sentence="A system service of the node that its pods or GPUs need has failed.",
    words=signal_words("node-service-failed", "{part} failed"),
    must=(
        signal_is("node-service-failed", "systemd reports it as failed", "node_systemd_unit_state", "{part} is failed"),
    ),
    runs_on=True,
    explains=(
        *("node-not-ready", "kubelet-silent", "node-problem", "sandbox-not-created", "containers-created-late"),
        *("gpu-fabric-down", "gpu-fabric-not-ready", "volume-not-attached", "volume-not-mounted"),
        *LINKED,
    ),
    after=60,
    clears=120,
    lookalikes=("node-not-ready", "node-problem"),
    helps=(*_ON_NODE, Help("read its log on the node (journalctl -u), and start it again")),
    avoid=("Do not delete pods there first: without the service they do not come back.",),
    decides=("its log: a version that does not fit the driver, or the kernel that was updated",),
)
CPU_HOT = NodeSignalCause(
    id="node-cpu-hot",
    severity=Severity.WARNING,
    sentence="The processors of the node are throttled because of heat: its GPUs are fed late.",
    words=signal_words("node-cpu-hot", "CPU throttled by heat"),
    must=(
        signal_is(
            "node-cpu-hot",
            "its processors lower their clocks more than once a second",
            "node_cpu_package_throttles_total",
            "{:.1f}/s",
        ),
    ),
    explains=("api-server-saturated", "gpu-lags", "gpu-hot", *SLOWNESS),
    after=300,
    clears=300,
    lookalikes=("gpu-throttled-by-heat", "cpu-throttled"),
    helps=(*_ON_NODE, _DRAIN),
    avoid=("Do not look for it on the GPUs alone: they are cool while they wait for the CPU.",),
    decides=("the temperatures of its neighbours: all of them hot means the room, one means a fan",),
)
STORAGE_NETWORK = NodeSignalCause(
    id="storage-network-fails",
    severity=Severity.WARNING,
    sentence="The node repeats its requests to an NFS server, which answers late or not at all: reads of weights hang.",
    words=signal_words("storage-network-fails", "NFS repeats {:.0f} requests/s"),
    must=(
        signal_is(
            "storage-network-fails",
            "it repeats more than one request per second",
            "node_nfs_rpc_retransmissions_total",
            "{:.1f}/s",
        ),
    ),
    runs_on=True,
    explains=("loading-takes-long", "storage-reads-fail", "volume-not-mounted", "containers-created-late"),
    after=120,
    clears=300,
    helps=_ON_NODE,
    avoid=("Do not restart pods that still serve: they have their weights, and would wait for them again.",),
    decides=("whether other nodes repeat, too: all of them means the server, one means its network",),
)
LINK_ERRORS = NodeSignalCause(
    id="fabric-link-errors",
    severity=Severity.WARNING,
    sentence="An InfiniBand or RoCE link of the node has errors and repeats what it sends: it is slow, and may fail.",
    words=signal_words("fabric-link-errors", "link of {part} has errors"),
    must=(
        signal_is(
            "fabric-link-errors",
            "it recovered from errors, or has more than one a second",
            "node_infiniband_link_error_recovery_total, node_infiniband_symbol_error_total",
            "{:.0f} in 15 min, device {part}",
        ),
    ),
    explains=(*LINKED, *SLOWNESS),
    after=120,
    clears=900,
    lookalikes=("fabric-link-flaps", "gpu-link-errors"),
    helps=_ON_NODE,
    avoid=("Do not restart one rank of a group alone: the whole group has to come up again.",),
    decides=("whether the port at the other end counts them, too: then it is the cable or the switch",),
)
"""Field notes N21."""
NETWORK_ERRORS = NodeSignalCause(
    id="network-errors",
    severity=Severity.WARNING,
    sentence="A network link of the node damages what it receives: connections to its pods are slow, or break.",
    words=signal_words("network-errors", "{part} damages {:.1%} of its packets"),
    must=(
        signal_is(
            "network-errors",
            "more than a thousandth of the packets is damaged",
            "node_network_receive_errs_total / node_network_receive_packets_total",
            "{:.2%} of the packets, device {part}",
        ),
    ),
    explains=(*LINKED, "gateway-errors", "gateway-retries", "gateway-delays"),
    after=120,
    clears=600,
    lookalikes=("network-link-flaps",),
    helps=_ON_NODE,
    avoid=("Do not restart its pods: they come back behind the same link.",),
    decides=("whether its switch counts them at the port, too: a cable or a module, seldom the card",),
)
OF_HOSTS = (
    PROCESS_KILLED,
    MEMORY_STALLS,
    DISK_FULL,
    DISK_READ_ONLY,
    SERVICE_FAILED,
    CPU_HOT,
    STORAGE_NETWORK,
    LINK_ERRORS,
    NETWORK_ERRORS,
)
"""Hosts that fail in their own numbers."""
