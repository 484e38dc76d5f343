"""GPUs that are missing: without an XID, without a row, while a process still believes in them."""

from __future__ import annotations

from fleet.diagnosis.cause import Help
from fleet.diagnosis.causes.symptoms import GPU_AWAY, STUCK
from fleet.diagnosis.families.lost_gpu_cause import LostGpuCause, LostGpus
from fleet.diagnosis.sign import Fact
from fleet.model.counting import count
from fleet.model.severity import Severity


def _missing(of: LostGpus) -> str:
    return ", ".join(f"GPU {gpu.ordinal} ({gpu.uuid})" for gpu in of.missing)


VANISHED = LostGpuCause(
    id="gpu-vanished",
    severity=Severity.CRITICAL,
    sentence="A GPU of the node is no longer listed, while the others are: its driver has lost it.",
    words=lambda of: f"{count(len(of.missing), 'GPU')} no longer listed",
    must=(
        Fact(
            "its exporter lists fewer GPUs than before",
            "the rows of the node's exporter",
            lambda of: bool(of.missing) and of.listed > 0,
            lambda of: f"{_missing(of)} missing, {count(of.listed, 'other')} listed",
        ),
    ),
    runs_on=True,
    explains=("gpus-withdrawn", "no-gpu-allocatable", "node-problem", "node-gpu-error", *GPU_AWAY, *STUCK),
    after=60,
    lookalikes=("gpu-lost", "gpus-withdrawn"),
    helps=(
        Help("keep new pods off the node", "cordon"),
        Help("see its other GPUs, and their pods", "nodes"),
        Help("move the pods, then reboot the node", "drain"),
    ),
    avoid=("Do not restart its pod there: it would get the others' GPUs, or none.",),
    decides=(
        "the driver's own list of GPUs on the node, and the kernel's log: an XID 79, or a card that was taken out",
    ),
)
"""Findings catalogue F20."""
OF_LOST_GPUS = (VANISHED,)
