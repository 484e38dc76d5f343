"""Nodes of which only the kernel's log or their cloud says that something is wrong.

Agents (the node problem detector, those of clouds) quote lines of the kernel's log in events. For errors of GPUs that
is the only witness where no exporter runs, and it does not wait for a scrape.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from fleet.diagnosis.cause import Help
from fleet.diagnosis.causes.gpus import HARDWARE
from fleet.diagnosis.causes.symptoms import GPU_AWAY, STUCK
from fleet.diagnosis.families.node_report_cause import NodeReportCause, NodeReports
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
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


def _told(name: str, reports: Callable[[Event], bool]) -> Fact[NodeReports]:
    def shows(of: NodeReports) -> str:
        event = _newest(of, reports)
        return "" if event is None else f"{event.reason}: {event.message}"

    return Fact(name, "events of the node", lambda of: _newest(of, reports) is not None, shows)


def _since(reports: Callable[[Event], bool]) -> Callable[[NodeReports], tuple[float, str] | None]:
    def began(of: NodeReports) -> tuple[float, str] | None:
        first = min((event.first or event.last for event in of.events if reports(event)), default=None)
        return None if first is None else (first, "the first event about it")

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
    must=(_told("an event quotes a hardware error of a GPU", _is_gpu_error),),
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
    must=(_told("an event quotes a fault of the kernel", _is_of_kernel),),
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
OF_NODE_REPORTS = (GPU_ERROR, KERNEL, LEAVES_SOON)
