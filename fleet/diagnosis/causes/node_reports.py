"""Nodes of which only events say that something is wrong: the kernel's log, their cloud, their kubelet.

Agents (the node problem detector, those of clouds) quote lines of the kernel's log in events. For errors of GPUs that
is the only witness where no exporter runs, and it does not wait for a scrape. What is repeated is a fault even where
the node is well between two times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from fleet.diagnosis.cause import Help
from fleet.diagnosis.causes.gpus import HARDWARE
from fleet.diagnosis.causes.symptoms import AWAY, GPU_AWAY, GPU_SILENCE, SILENCE, STUCK
from fleet.diagnosis.families.node_report_cause import LastNodeCause, NodeReportCause, NodeReports
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.diagnosis.subjects.repeated_events import first_of, seconds_of, times_of
from fleet.model.counting import count
from fleet.model.objects import Event
from fleet.model.severity import Severity

# Bounded, so that a text of blanks costs no more than its length, and a code is one that int() reads.
_XID: Final = re.compile(r"\bS?Xid\b(?:\s{0,9}\([^)]{0,99}\))?[\s:]{0,9}(\d{1,6})\b", re.IGNORECASE | re.ASCII)
_GPU: Final = re.compile(
    r"fallen off the bus|RmInitAdapter failed|GPU (?:\S{1,60} )?(?:requires|needs) (?:a )?reset"
    r"|amdgpu.{0,200}?(?:GPU reset begin|ring \S{1,40} timeout|uncorrectable)",
    re.IGNORECASE,
)
_KERNEL: Final = frozenset(
    {"TaskHung", "KernelOops", "IOError", "Ext4Error", "XfsHasShutDown", "MemoryReadError", "FilesystemIsReadOnly"}
)
"""Reasons of the node problem detector's monitors of the kernel (its config/kernel-monitor.json)."""
_LEAVES: Final = re.compile(
    r"spot.?(?:itn|interrupt)|preempt(?:ion)?scheduled|terminatescheduled|instance(?:stopping|terminating)"
    r"|impending-node-termination|scheduled-maintenance|cloudprovider\.kubernetes\.io/shutdown|terminationnotice",
    re.IGNORECASE,
)
"""Reasons of events and keys of taints of clouds' interruption handlers. What an autoscaler removes because it is empty
is not among them.
"""


def _is_gpu_error(event: Event) -> bool:
    codes = [int(code) for code in _XID.findall(event.message)]
    return any(code in HARDWARE for code in codes) if codes else bool(_GPU.search(event.message))


def _is_of_kernel(event: Event) -> bool:
    return event.reason in _KERNEL


def _announces_its_end(event: Event) -> bool:
    return bool(_LEAVES.search(event.reason))


def _newest(of: NodeReports, reports: Callable[[Event], bool]) -> Event | None:
    return max((event for event in of.events if reports(event)), key=lambda event: event.last, default=None)


def _reported(name: str, reports: Callable[[Event], bool]) -> Fact[NodeReports]:
    def shows(of: NodeReports) -> str:
        event = _newest(of, reports)
        return "" if event is None else f"{event.reason}: {event.message}"

    return Fact(name, "events of the node", lambda of: _newest(of, reports) is not None, shows)


def _since(reports: Callable[[Event], bool]) -> Callable[[NodeReports], tuple[float, str] | None]:
    def began(of: NodeReports) -> tuple[float, str] | None:
        return first_of(event for event in of.events if reports(event))

    return began


def _gpu_words(of: NodeReports) -> str:
    event = _newest(of, _is_gpu_error)
    if event is None:
        return ""
    code = _XID.search(event.message)
    return f"XID {code[1]} in the kernel's log" if code else gist(event.message)


GPU_ERROR = NodeReportCause(
    id="node-gpu-error",
    severity=Severity.CRITICAL,
    sentence="The kernel's log of the node reports an error of a GPU after which it must be reset or replaced.",
    words=_gpu_words,
    must=(_reported("an event quotes a hardware error of a GPU", _is_gpu_error),),
    began=_since(_is_gpu_error),
    runs_on=True,
    explains=("gpus-withdrawn", "no-gpu-allocatable", "node-problem", "node-kernel-reports", *GPU_AWAY, *STUCK),
    clears=0,
    lookalikes=("gpu-lost", "gpus-withdrawn"),
    helps=(
        Help("keep new pods off the node", "cordon"),
        Help("see its GPUs, and their pods", "nodes"),
        Help("move the pods, then reset the GPU or reboot the node", "drain"),
    ),
    avoid=("Do not reset the GPU before you have its driver's report: the reset erases the evidence.",),
    decides=("the driver's own list of GPUs on the node: one that is lost is missing, or shows an error",),
)
"""Findings catalogue F18 and F20 without an exporter."""
KERNEL = NodeReportCause(
    id="node-kernel-reports",
    severity=Severity.WARNING,
    sentence="The kernel of the node reports hanging tasks, a failing disk or an error of its own.",
    words=lambda of: "" if (event := _newest(of, _is_of_kernel)) is None else f"kernel: {gist(event.message)}",
    must=(_reported("an event quotes a fault of the kernel", _is_of_kernel),),
    began=_since(_is_of_kernel),
    explains=("containers-created-late", "pod-stuck-terminating"),
    clears=0,
    lookalikes=("node-problem", "node-pressure"),
    helps=(Help("read what the agent reports", "describe"), Help("keep new pods off it", "cordon")),
    avoid=("Do not reboot it with pods on it: drain it first.",),
    decides=("whether it repeats: one hung task may have waited for a slow disk",),
)


def _taints(of: NodeReports) -> str:
    return ", ".join(key for key, _, _ in of.node.taints if _LEAVES.search(key))


LEAVES_SOON = NodeReportCause(
    id="node-leaves-soon",
    severity=Severity.WARNING,
    sentence="The cloud takes the node back within minutes: its pods end, and requests are cut unless they drain.",
    words=lambda of: "the cloud takes it back" + (f": {taints}" if (taints := _taints(of)) else ""),
    must=(
        Fact(
            "its cloud announces its end",
            "taints and events of the node",
            lambda of: bool(_taints(of)) or _newest(of, _announces_its_end) is not None,
            lambda of: (
                _taints(of)
                or ("" if (event := _newest(of, _announces_its_end)) is None else f"{event.reason}: {event.message}")
            ),
        ),
    ),
    began=_since(_announces_its_end),
    explains=("nodes-closed", "node-cordoned", "node-not-ready", "kubelet-silent", "node-shut-down", "node-removed"),
    clears=0,
    lookalikes=("node-cordoned",),
    helps=(
        Help("move its pods now, while their requests can end", "drain"),
        Help("see where they can go", "nodes"),
        Help("add a replica elsewhere", "scale"),
    ),
    avoid=("Do not uncordon it: what is placed there ends with it.",),
    decides=("whether the notice names a time: two minutes for most spot instances, 30 s for some",),
)


def _of(*reasons: str) -> Callable[[NodeReports], Sequence[Event]]:
    """The events for one of these reasons."""
    return lambda of: [event for event in of.events if event.reason in reasons]


def _repeated(name: str, those: Callable[[NodeReports], Sequence[Event]], times: int) -> Fact[NodeReports]:
    """So many of these events, and not all at one moment."""

    def holds(of: NodeReports) -> bool:
        found = those(of)
        return times_of(found) >= times and seconds_of(found) >= _APART

    def shows(of: NodeReports) -> str:
        found = those(of)
        often = f"{count(times_of(found), 'time')} within {seconds_of(found) / 60:.0f} min"
        return f"{often}, {found[0].reason}: {found[0].message}" if found else ""

    return Fact(name, "events of the node", holds, shows)


_APART: Final = 60.0
"""Seconds between the first and the last event of something that is repeated."""
_FELL, _BOOTED = _of("NodeNotReady"), _of("Rebooted")
_UNCLEAN = _of("ImageGCFailed", "FreeDiskSpaceFailed", "ContainerGCFailed", "EvictionThresholdMet")
_RELATED: Final = ("node-not-ready", "kubelet-silent", *AWAY, *SILENCE, *GPU_SILENCE)

REBOOTS = NodeReportCause(
    id="node-reboots",
    severity=Severity.CRITICAL,
    sentence="The node reboots again and again: what runs on it ends each time.",
    words=lambda of: f"rebooted {count(times_of(_BOOTED(of)), 'time')} within {seconds_of(_BOOTED(of)) / 60:.0f} min",
    must=(_repeated("it was rebooted more than once", _BOOTED, 2),),
    began=lambda of: first_of(_BOOTED(of)),
    explains=(*_RELATED, "node-flaps"),
    clears=0,
    lookalikes=("node-not-ready", "node-kernel-reports"),
    helps=(Help("keep new pods off the node", "cordon"), Help("move its pods", "drain"), Help("see when", "past")),
    avoid=("Do not uncordon it because it is ready: it was ready before each reboot, too.",),
    decides=("the log of the boot before (journalctl -b -1): a panic, heat, or power",),
)
FLAPS = NodeReportCause(
    id="node-flaps",
    severity=Severity.WARNING,
    sentence="The node loses and regains its readiness again and again: its pods leave the Services each time.",
    words=lambda of: f"not ready {count(times_of(_FELL(of)), 'time')} within {seconds_of(_FELL(of)) / 60:.0f} min",
    must=(_repeated("it became not ready repeatedly", _FELL, 3),),
    began=lambda of: first_of(_FELL(of)),
    explains=_RELATED,
    clears=0,
    lookalikes=("node-not-ready", "kubelet-silent"),
    helps=(
        Help("see its conditions, and what its kubelet says", "describe"),
        Help("keep new pods off the node", "cordon"),
        Help("see when", "past"),
    ),
    avoid=("Do not restart its pods: they are well whenever the node is.",),
    decides=("whether the kubelet or the network stalls: a node that is busy renews its lease late",),
)
UNCLEAN = NodeReportCause(
    id="node-cleanup-fails",
    severity=Severity.WARNING,
    sentence="The kubelet cannot free the disk of the node or clean up its containers: it will evict pods.",
    words=lambda of: f"cleanup fails: {gist(_UNCLEAN(of)[0].message)}" if _UNCLEAN(of) else "",
    must=(_repeated("its kubelet cannot clean up", _UNCLEAN, 2),),
    began=lambda of: first_of(_UNCLEAN(of)),
    runs_on=True,
    explains=("node-pressure", "evicted", "image-not-pulled"),
    clears=0,
    lookalikes=("node-pressure",),
    helps=(
        Help("see what fills its disk", "describe"),
        Help("keep new pods off the node", "cordon"),
        Help("move its pods", "drain"),
    ),
    avoid=("Do not pull more images there: the disk has no room for them.",),
    decides=("whether images fill the disk or something else: logs, volumes of type emptyDir, weights on the host",),
)
_OTHERWISE: Final = frozenset(
    {
        *("InvalidDiskCapacity", "CheckLimitsForResolvConf", "DNSConfigForming", "MissingClusterDNS", "CgroupV1"),
        *("PossibleMemoryBackedVolumesOnDisk", "OwnerRefInvalidNamespace", "PolicyViolation"),
        *("Rebooted", "NodeNotReady", "SystemOOM", "OOMKilling", "NodeShutdown", "DisruptionBlocked", "FailedDraining"),
        *("ImageGCFailed", "FreeDiskSpaceFailed", "ContainerGCFailed", "EvictionThresholdMet"),
        *_KERNEL,
    }
)
"""Reasons of warnings that are read otherwise, or are written about nodes that are well."""


def _unlisted(of: NodeReports) -> Sequence[Event]:
    """Return the newest warning that nothing else reads, with those for the same reason."""

    def is_unlisted(event: Event) -> bool:
        return event.type == "Warning" and event.reason not in _OTHERWISE and not _XID.search(event.message)

    found = [event for event in of.events if is_unlisted(event) and not _announces_its_end(event)]
    newest = max(found, key=lambda event: event.last, default=None)
    return [event for event in found if newest is not None and event.reason == newest.reason]


REPORTED = LastNodeCause(
    id="node-reported",
    severity=Severity.WARNING,
    sentence="The node is warned of again and again, for a reason that the console does not know.",
    words=lambda of: f"{found[0].reason}: {gist(found[0].message)}" if (found := _unlisted(of)) else "",
    must=(_repeated("the same warning is repeated", _unlisted, 3),),
    began=lambda of: first_of(_unlisted(of)),
    runs_on=True,
    after=120,
    clears=0,
    lookalikes=("node-problem", "node-kernel-reports"),
    helps=(Help("read the event, and who writes it", "describe"), Help("see since when", "past")),
    avoid=("Do not drain the node before you know what the warning means.",),
    decides=("whether other nodes get the same warning: then it is what reports it",),
)
OF_NODE_REPORTS = (GPU_ERROR, KERNEL, LEAVES_SOON, REBOOTS, FLAPS, UNCLEAN, REPORTED)
