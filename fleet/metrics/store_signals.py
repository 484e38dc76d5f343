"""Questions about nodes and containers to the metrics store, worded so that it answers with what is out of bounds only.

The names are those of cAdvisor, the kubelet, kube-state-metrics and the node exporter. A store without them answers
with nothing, and so it does for collectors of the node exporter that are off (systemd, nfs, pressure on old kernels).
The limits are parts of the questions: thousands of healthy series stay where they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from fleet.metrics.dialect import Match, Op
from fleet.metrics.promql import TAG, limited_to, queries, selector
from fleet.model.store_signals import StoreSignal

_CONTAINERS: Final = (Match("container", Op.NOT_EQUAL, ""),)
_VIRTUAL: Final = (
    "lo|veth.*|cali.*|lxc.*|cilium.*|cni.*|docker.*|br-.*|virbr.*|tunl.*|flannel.*|kube-.*|nodelocal.*|dummy.*"
)
_PHYSICAL: Final = (Match("device", Op.NOT_MATCHES, _VIRTUAL),)
_OF_POD: Final = ("namespace", "pod", "container")
_OF_CLAIM: Final = ("namespace", "persistentvolumeclaim")
_OF_NODE: Final = ("node", "nodename", "kubernetes_node", "instance")
_OF_DEVICE: Final = (*_OF_NODE, "device")
_OF_SERVICE: Final = (*_OF_NODE, "name")
_PARTS: Final = ("container", "device", "name")
"""Labels that name what part of an object a signal is about."""
_OWN_DISKS: Final = (
    Match("fstype", Op.MATCHES, "ext.|xfs|btrfs"),
    # The mounts of pods have claims of their own, and images of the system are full on purpose.
    Match("mountpoint", Op.NOT_MATCHES, "/(boot|usr|nix|snap|etc)(/.*)?|/var/lib/kubelet/.+"),
)
_WRITTEN_TO: Final = (Match("mountpoint", Op.MATCHES, "/var|/var/lib|/var/lib/(containerd|docker|kubelet|rancher)"),)
"""Disks that the kubelet and the runtime write to: elsewhere, read-only may be intended."""
_NEEDED: Final = (
    Match("state", Op.EQUAL, "failed"),
    # Not nvidia-imex: where claims for compute domains are used, that of the host must not run.
    Match("name", Op.MATCHES, "(kubelet|containerd|crio|docker|.+-fabricmanager|openibd|iscsid).service"),
)


class StoreQuestion(NamedTuple):
    """One question; ``text`` writes it for the cluster that is looked at."""

    signal: str
    labels: Sequence[str]
    """Labels that name the object."""
    text: Callable[[], str]


def _rate(name: str, matches: Sequence[Match] = ()) -> str:
    return f"rate({selector(name, matches)}[5m])"


def _fewer(part: str, whole: str, limit: str, matches: Sequence[Match] = ()) -> str:
    return f"{selector(part, matches)} / {selector(whole, matches)} < {limit}"


def _more(name: str, window: str, matches: Sequence[Match] = ()) -> str:
    return f"increase({selector(name, matches)}[{window}])"


QUESTIONS: Final[Sequence[StoreQuestion]] = (
    StoreQuestion(
        "cpu-throttled",
        _OF_POD,
        lambda: (
            f"{_rate('container_cpu_cfs_throttled_periods_total', _CONTAINERS)}"
            f" / {_rate('container_cpu_cfs_periods_total', _CONTAINERS)} > 0.25"
        ),
    ),
    StoreQuestion(
        "memory-near-limit",
        _OF_POD,
        # Not the working set: it counts the weights that are mapped, which the kernel can drop.
        lambda: (
            f"max by (namespace, pod, container) ({selector('container_memory_rss', _CONTAINERS)})"
            " / on (namespace, pod, container) max by (namespace, pod, container) ("
            f"{selector('kube_pod_container_resource_limits', (Match('resource', Op.EQUAL, 'memory'),))}) > 0.95"
        ),
    ),
    StoreQuestion(
        "volume-full",
        _OF_CLAIM,
        lambda: _fewer("kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes", "0.01"),
    ),
    # Millions of small cache files fill the table of files of a volume long before its bytes.
    StoreQuestion(
        "volume-full",
        _OF_CLAIM,
        lambda: _fewer("kubelet_volume_stats_inodes_free", "kubelet_volume_stats_inodes", "0.01"),
    ),
    # Counted by the kernel for each process that it kills, also where the container's first one lives on.
    StoreQuestion("container-oom", _OF_POD, lambda: f"{_more('container_oom_events_total', '10m', _CONTAINERS)} > 0"),
    StoreQuestion(
        "node-memory-low",
        _OF_NODE,
        lambda: _fewer("node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes", "0.05"),
    ),
    StoreQuestion(
        "node-memory-stalls", _OF_NODE, lambda: f"{_rate('node_pressure_memory_stalled_seconds_total')} > 0.1"
    ),
    StoreQuestion(
        "node-disk-full",
        _OF_DEVICE,
        lambda: _fewer("node_filesystem_avail_bytes", "node_filesystem_size_bytes", "0.01", _OWN_DISKS),
    ),
    StoreQuestion(
        "node-disk-read-only", _OF_DEVICE, lambda: f"{selector('node_filesystem_readonly', _WRITTEN_TO)} == 1"
    ),
    StoreQuestion("node-service-failed", _OF_SERVICE, lambda: f"{selector('node_systemd_unit_state', _NEEDED)} == 1"),
    StoreQuestion("node-cpu-hot", _OF_NODE, lambda: f"{_rate('node_cpu_package_throttles_total')} > 1"),
    StoreQuestion("storage-network-fails", _OF_NODE, lambda: f"{_rate('node_nfs_rpc_retransmissions_total')} > 1"),
    StoreQuestion(
        "node-clock-off",
        _OF_NODE,
        lambda: f"abs({selector('node_timex_offset_seconds')}) > 0.05",
    ),
    StoreQuestion(
        "node-connections-full",
        _OF_NODE,
        lambda: f"{selector('node_nf_conntrack_entries')} / {selector('node_nf_conntrack_entries_limit')} > 0.95",
    ),
    StoreQuestion("node-memory-errors", _OF_NODE, lambda: f"{_more('node_edac_uncorrectable_errors_total', '1h')} > 0"),
    StoreQuestion("fabric-link-flaps", _OF_DEVICE, lambda: f"{_more('node_infiniband_link_downed_total', '15m')} > 0"),
    StoreQuestion(
        "fabric-link-errors",
        _OF_DEVICE,
        lambda: (
            f"{_more('node_infiniband_link_error_recovery_total', '15m')} > 0"
            f" or {_more('node_infiniband_symbol_error_total', '15m')} > 900"
        ),
    ),
    StoreQuestion(
        "network-errors",
        _OF_DEVICE,
        lambda: (
            f"{_rate('node_network_receive_errs_total', _PHYSICAL)}"
            f" / {_rate('node_network_receive_packets_total', _PHYSICAL)} > 0.001"
        ),
    ),
    StoreQuestion(
        "network-link-flaps",
        _OF_DEVICE,
        lambda: f"{_more('node_network_carrier_changes_total', '15m', _PHYSICAL)} > 3",
    ),
)


def questions(within: Sequence[Match] = ()) -> list[str]:
    """Return all questions in as few queries as go; each answer carries the label ``q``, the id of its signal."""
    with limited_to(within):
        return queries(
            [
                f'label_replace(max by ({",".join(one.labels)}) ({one.text()}),"{TAG}","{one.signal}","","")'
                for one in QUESTIONS
            ]
        )


_LABELS: Final[Mapping[str, Sequence[str]]] = {one.signal: one.labels for one in QUESTIONS}


def read(series: Mapping[str, Any]) -> StoreSignal | None:
    """Return the signal of one series of the answer; None for one that names no object, or is a share of nothing."""
    labels: Mapping[str, str] = series["metric"]
    signal = labels.get(TAG, "")
    known = _LABELS.get(signal)
    if known is None:
        return None
    value = float(series["value"][1])
    if not math.isfinite(value):
        # Divided by a limit of 0, which means that there is none.
        return None
    if known in (_OF_POD, _OF_CLAIM):
        name = labels.get(known[1], "")
        part = labels.get("container", "") if known is _OF_POD else ""
        return StoreSignal(signal, labels.get("namespace", ""), name, part, value) if name else None
    named = next(filter(None, (labels.get(one, "") for one in _OF_NODE)), "")
    part = next((labels.get(one, "") for one in _PARTS if one in known), "")
    return StoreSignal(signal, "", _host(named), part, value) if named else None


def _host(instance: str) -> str:
    """An address without its port: ``10.0.0.1:9100``, ``[fd00::1]:9100``; a name stays as it is."""
    host, colon, port = instance.rpartition(":")
    return host.strip("[]") if colon and port.isdigit() else instance
