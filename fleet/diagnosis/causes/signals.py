"""Nodes, containers and volumes that exporters beside the engines report as out of bounds.

The limits are in the questions to the store: fleet/metrics/store_signals.py.
"""

from __future__ import annotations

from collections.abc import Callable

from fleet.diagnosis.cause import Help
from fleet.diagnosis.causes.symptoms import ENDED, SLOWNESS
from fleet.diagnosis.families.signal_cause import NodeSignalCause, PodSignalCause, SignalSubject
from fleet.diagnosis.sign import Fact
from fleet.model.severity import Severity

_DESCRIBE = Help("see its limits, and what runs in it", "describe")
_NODE = Help("see its conditions, and what runs on it", "describe")
_CORDON, _PAST = Help("keep new pods off the node", "cordon"), Help("see what happened before", "past")


def signal_is(signal: str, name: str, reads: str, form: str) -> Fact[SignalSubject]:
    """The sign that a signal is there; ``form`` shows its value, the part that it is about, and its object's name."""
    return Fact(name, reads, lambda of: signal in of.signals, lambda of: _value(of, signal, form))


def _value(of: SignalSubject, signal: str, form: str) -> str:
    found = of.signals.get(signal)
    return "" if found is None else form.format(found.value, part=found.part, name=found.name)


def signal_words(signal: str, form: str) -> Callable[[SignalSubject], str]:
    """Words with the value of a signal."""
    return lambda of: _value(of, signal, form)


CPU_THROTTLED = PodSignalCause(
    id="cpu-throttled",
    severity=Severity.WARNING,
    sentence="The engine's container is throttled: it needs more CPU than its limit, and its GPUs wait for it.",
    words=signal_words("cpu-throttled", "CPU throttled {:.0%} of the time"),
    must=(
        signal_is(
            "cpu-throttled",
            "it is throttled in more than a quarter of the periods",
            "container_cpu_cfs_throttled_periods_total / container_cpu_cfs_periods_total",
            "{:.0%} of the periods, container {part}",
        ),
    ),
    explains=("api-server-saturated", "gateway-delays", "gpu-lags", *SLOWNESS),
    after=300,
    clears=300,
    lookalikes=("api-server-saturated", "gpu-throttled-by-heat"),
    helps=(_DESCRIBE, Help("raise its CPU limit, or remove it: tokenizing and scheduling run on the CPU"), _PAST),
    avoid=("Do not look for it on the GPU: it idles while it waits for the CPU.",),
    decides=("whether time to first token falls with a higher limit: then it was the CPU",),
)
"""Findings catalogue F49."""
MEMORY_NEAR_LIMIT = PodSignalCause(
    id="memory-near-limit",
    severity=Severity.WARNING,
    sentence="The engine's container uses nearly all of its memory limit: beyond it the kernel kills the engine.",
    words=signal_words("memory-near-limit", "host memory at {:.0%} of its limit"),
    must=(
        signal_is(
            "memory-near-limit",
            "its anonymous memory is near its limit",
            "container_memory_rss / kube_pod_container_resource_limits",
            "{:.0%} of the limit, container {part}",
        ),
    ),
    explains=("out-of-memory", "out-of-memory-again", "process-killed-for-memory"),
    after=60,
    clears=300,
    lookalikes=("node-memory-low", "node-pressure"),
    helps=(_DESCRIBE, Help("restart it at a quiet time, if it grows all the time", "restart"), _PAST),
    avoid=("Do not judge it by the working set: that counts weights that are mapped and can be dropped.",),
    decides=("whether it grows by the hour: then something leaks, else the limit is too low for its load",),
)
"""Findings catalogue F17."""
VOLUME_FULL = PodSignalCause(
    id="volume-full",
    severity=Severity.WARNING,
    sentence="A volume of the pod is full: what it writes there fails.",
    words=signal_words("volume-full", "volume {name} is full"),
    must=(
        signal_is(
            "volume-full",
            "less than a hundredth of it is free",
            "kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes",
            "{:.1%} of claim {name} is free",
        ),
    ),
    explains=("disk-full-in-pod", "storage-reads-fail", *ENDED),
    runs_on=True,
    after=60,
    clears=300,
    lookalikes=("node-pressure",),
    helps=(Help("see which volume it is, and its size", "describe"), Help("enlarge the claim, or remove old files")),
    avoid=("Do not restart the pod before there is room: it may not come back.",),
    decides=("whether the engine writes there: a volume of weights alone may be full, caches may not",),
)
_ON_NODE = (_NODE, _CORDON, _PAST)
NODE_MEMORY_LOW = NodeSignalCause(
    id="node-memory-low",
    severity=Severity.WARNING,
    sentence="The node has hardly any memory left: the kernel will kill processes, or the kubelet evict pods.",
    words=signal_words("node-memory-low", "{:.0%} of its memory is available"),
    must=(
        signal_is(
            "node-memory-low", "less than 5 % is available", "node_memory_MemAvailable_bytes", "{:.1%} is available"
        ),
    ),
    runs_on=True,
    explains=("node-pressure", "evicted", "killed-for-memory-of-node", "node-memory-stalls"),
    after=120,
    clears=300,
    lookalikes=("node-pressure", "memory-near-limit"),
    helps=_ON_NODE,
    avoid=("Do not place more pods there: their requests do not show what is used.",),
    decides=("what uses it: KV blocks that are offloaded to the host, page-locked buffers, or another workload",),
)
"""Findings catalogue F17."""
NODE_CLOCK = NodeSignalCause(
    id="node-clock-off",
    severity=Severity.WARNING,
    sentence="The clock of the node is wrong: tokens and certificates seem not to be valid, and its numbers misdated.",
    words=signal_words("node-clock-off", "its clock is off by {:.2f} s"),
    must=(signal_is("node-clock-off", "it is off by more than 50 ms", "node_timex_offset_seconds", "{:.3f} s"),),
    runs_on=True,
    after=600,
    clears=600,
    lookalikes=("clock-skew",),
    helps=_ON_NODE,
    avoid=("Do not trust the order of events across nodes meanwhile.",),
    decides=("whether its time service runs, and reaches its servers",),
)
"""Findings catalogue F43."""
NODE_CONNECTIONS = NodeSignalCause(
    id="node-connections-full",
    severity=Severity.WARNING,
    sentence="The node's table of connections is full: new connections to its pods are dropped.",
    words=signal_words("node-connections-full", "connection table {:.0%} full"),
    must=(
        signal_is(
            "node-connections-full",
            "more than 95 % of its entries are used",
            "node_nf_conntrack_entries / node_nf_conntrack_entries_limit",
            "{:.0%}",
        ),
    ),
    explains=("gateway-errors", "gateway-retries", "readiness-probe-fails", "pod-not-ready"),
    after=60,
    clears=300,
    helps=_ON_NODE,
    avoid=("Do not restart the pods: the table is the node's.",),
    decides=("who opens so many connections: clients without keep-alive, or a retry storm",),
)
NODE_MEMORY_ERRORS = NodeSignalCause(
    id="node-memory-errors",
    severity=Severity.CRITICAL,
    sentence="The host memory of the node has errors that could not be corrected: processes die of it.",
    words=signal_words("node-memory-errors", "{:.0f} uncorrectable errors of host memory"),
    must=(signal_is("node-memory-errors", "errors within the hour", "node_edac_uncorrectable_errors_total", "{:.0f}"),),
    runs_on=True,
    explains=("node-kernel-reports", "node-problem", *ENDED),
    clears=600,
    lookalikes=("gpu-memory-broken",),
    helps=(_CORDON, Help("move its pods, then replace the module", "drain"), _PAST),
    avoid=("Do not reset GPUs for it: it is the memory of the host.",),
    decides=("the kernel's log of the node: it names the module",),
)
LINKED = ("gpu-communication-failed", "group-not-reached", "kv-transfers-fail", "kv-transfer-stalled", "gpu-lags")
"""Symptoms of engines that span nodes, when the network between those fails."""
FABRIC_LINK = NodeSignalCause(
    id="fabric-link-flaps",
    severity=Severity.WARNING,
    sentence="An InfiniBand or RoCE link of the node goes down and up again: engines that span nodes stall or fail.",
    words=signal_words("fabric-link-flaps", "link of {part} went down within 15 min"),
    must=(
        signal_is(
            "fabric-link-flaps",
            "a link went down",
            "node_infiniband_link_downed_total",
            "{:.0f} in 15 min, device {part}",
        ),
    ),
    explains=(*LINKED, *SLOWNESS, "fabric-link-errors"),
    clears=900,
    lookalikes=("gpu-link-errors",),
    helps=_ON_NODE,
    avoid=("Do not restart one rank of a group alone: the whole group has to come up again.",),
    decides=("whether the port at the other end counts it, too: then it is the cable or the switch",),
)
"""Field notes N21."""
NETWORK_LINK = NodeSignalCause(
    id="network-link-flaps",
    severity=Severity.WARNING,
    sentence="A network link of the node goes down and up again: connections to its pods break.",
    words=signal_words("network-link-flaps", "link of {part} goes down and up"),
    must=(
        signal_is(
            "network-link-flaps",
            "its carrier changes repeatedly",
            "node_network_carrier_changes_total",
            "{:.0f} in 15 min, device {part}",
        ),
    ),
    explains=(*LINKED, "network-errors", "node-flaps", "kubelet-silent", "gateway-errors", "gateway-retries"),
    clears=900,
    helps=_ON_NODE,
    avoid=("Do not restart its pods: they come back behind the same link.",),
    decides=("whether its switch reports the port, too",),
)
OF_SIGNALS = (
    CPU_THROTTLED,
    MEMORY_NEAR_LIMIT,
    VOLUME_FULL,
    NODE_MEMORY_LOW,
    NODE_CLOCK,
    NODE_CONNECTIONS,
    NODE_MEMORY_ERRORS,
    FABRIC_LINK,
    NETWORK_LINK,
)
