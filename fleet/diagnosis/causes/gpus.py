"""GPUs: errors that the driver reports, and clocks that are lower than they could be.

The classes of XIDs are those of NVIDIA's catalogue. The gauge is sticky: it shows that the error happened, to this pod
or an earlier one, not that it persists. The software power cap alone is not a fault: H100-class GPUs run into it
whenever they are fully loaded.
"""

from __future__ import annotations

from fleet.diagnosis.cause import GpuCause, Help, MetricsText, Numbers
from fleet.diagnosis.causes.symptoms import AWAY, CANARY_SILENT, GPU_AWAY, QUEUES, STUCK, THROTTLING
from fleet.diagnosis.metrics_sign import Code, Either, Is, Level, Lowered
from fleet.diagnosis.subject import MetricsRow
from fleet.diagnosis.thresholds import GPU_COOL, GPU_HOT, GPU_THROTTLED
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity

LOST = frozenset({79, 151})
"""Errors after which the GPU is unreachable until a reboot or a restart of the virtual machine."""
MEMORY = frozenset({48, 64, 95, 140})
"""Errors of device memory that could not be corrected, and rows that could not be replaced."""
LINK = frozenset({74, 136, *range(144, 151), 155})
"""Errors of NVLink."""
RESET = frozenset({46, 62, 109, 110, 119, 120, 143, 156, 158})
"""Errors of the GPU's own processors, after which it must be reset."""
HARDWARE = LOST | MEMORY | LINK | RESET
ECHO = frozenset({37, 38, 43, 44, 45, 63, 66, 67, 121, 137, 141, 154})
"""Errors that follow another event or are informational: they do not make a GPU unhealthy."""

_SAID = Numbers("XID {:.0f}", (Quantity.XID,))

_KEEP_PROOF = "Do not reset it before the report of its driver is taken: the reset clears what proves the fault."
_STAYS = "Do not restart the pod on it: it comes back to the same GPU."


def _broken(name: str, codes: frozenset[int], sentence: str, cure: str, *decides: str) -> GpuCause:
    """A hardware fault, identified by the driver's error code."""
    return GpuCause(
        id=name,
        severity=Severity.CRITICAL,
        sentence=sentence,
        words=_SAID,
        must=(Code(Quantity.XID, codes),),
        explains=(
            *THROTTLING,
            "gpus-withdrawn",
            "no-gpu-allocatable",
            "gpu-lags",
            "errors",
            "replica-slow",
            CANARY_SILENT,
            *STUCK,
            *GPU_AWAY,
        ),
        helps=(
            Help("keep new pods away from the node", "cordon"),
            Help("see what the pod on it says", "logs"),
            Help(cure, "drain"),
        ),
        avoid=(_KEEP_PROOF, _STAYS),
        decides=decides,
    )


GPU_LOST = _broken(
    "gpu-lost",
    LOST,
    "The GPU has fallen off the bus: nothing on the node reaches it any more.",
    "move the pods, then reboot the node; a GPU that is lost again is to be replaced",
)
GPU_MEMORY = _broken(
    "gpu-memory-broken",
    MEMORY,
    "The memory of the GPU fails: an error could not be corrected, or a row not be replaced.",
    "move the pods, then reset the GPU; one whose rows cannot be replaced is to be returned",
    "the driver's counters of remapped rows: pending is cured by a reset, failure is not",
)
GPU_LINK = _broken(
    "gpu-link-broken",
    LINK,
    "A link between GPUs fails: engines that stand on several of them hang, or crawl.",
    "move the pods, then reset the GPUs of the node together",
    "whether the GPU at the other end of the link says the same",
)
HARDWARE_XID = _broken(
    "gpu-hardware-xid",
    RESET,
    "The GPU has to be reset: a processor of its own has failed, and its driver says so.",
    "move the pods, then reset the GPU or reboot the node",
)
APPLICATION_XID = GpuCause(
    id="gpu-application-xid",
    severity=Severity.WARNING,
    sentence="A program made an error on the GPU; the GPU itself need not be broken.",
    words=_SAID,
    must=(Code(Quantity.XID, HARDWARE | ECHO, but=True),),
    beside=True,
    # The gauge is sticky: an error of long ago must not pass for why an engine hangs now.
    explains=AWAY,
    helps=(Help("see what the program said", "previous"), Help("restart the pod: the GPU can stay", "restart")),
    avoid=("Do not drain the node: the same code comes back with the same program elsewhere.",),
    decides=("whether the same code is on GPUs of other nodes that run the same model",),
)

_BRAKE = frozenset({"power brake"})
_HARDWARE = frozenset({"hardware slowdown", "thermal (hardware)"})
_BY_HARDWARE = Lowered(_HARDWARE, "the hardware lowers its clocks")


def _first_reason(row: MetricsRow) -> str:
    return next(f"throttled: {reason}" for reason in row.throttled_by if reason in _HARDWARE | _BRAKE)


_REASON = MetricsText(_first_reason)


POWER_BRAKE = GpuCause(
    id="gpu-power-brake",
    severity=Severity.CRITICAL,
    sentence="The power supply of the node tells the GPU to slow down.",
    words=_REASON,
    must=(Lowered(_BRAKE, "the power supply lowers its clocks"),),
    explains=("gpu-throttled-by-heat", "gpu-lags", "replica-slow", *QUEUES),
    after=60,
    helps=(
        Help("see its neighbours: one that is braked alone is its cable, all of them are the supply", "nodes"),
        Help("keep new pods away from the node", "cordon"),
    ),
    avoid=("Do not take the software power cap for it: a GPU that is fully loaded runs into that every day.",),
)
BY_HARDWARE = GpuCause(
    id="gpu-throttled-by-hardware",
    severity=Severity.CRITICAL,
    sentence="The GPU protects itself: its hardware lowers the clocks.",
    words=_REASON,
    must=(_BY_HARDWARE,),
    explains=("gpu-throttled-by-heat", "gpu-hot", "gpu-lags", "replica-slow", *QUEUES),
    after=120,
    helps=(
        Help("keep new pods away from the node", "cordon"),
        Help("move its pods, then look at cooling and power", "drain"),
    ),
    decides=("the temperatures of the other GPUs of the node: one that is hot is a fan, all of them are the air",),
)
BY_HEAT = GpuCause(
    id="gpu-throttled-by-heat",
    severity=Severity.WARNING,
    sentence="The GPU is slower than it could be, because it is hot.",
    words=Numbers("throttled by heat, {:.0f} °C", (Quantity.GPU_TEMPERATURE,)),
    must=(
        Either(
            (
                (Lowered(frozenset({"thermal (software)"}), "the driver lowers its clocks for heat"),),
                (
                    Level(Quantity.GPU_TEMPERATURE, Is.AT_LEAST, GPU_HOT),
                    Level(Quantity.THROTTLE, Is.AT_LEAST, GPU_THROTTLED),
                ),
            ),
            "heat lowers its clocks",
        ),
    ),
    explains=("gpu-hot", "gpu-lags", "replica-slow", *QUEUES),
    after=120,
    still=(Level(Quantity.GPU_TEMPERATURE, Is.AT_LEAST, GPU_COOL),),
    clears=300,
    helps=(Help("see its neighbours", "nodes"), Help("keep new pods away from the node", "cordon")),
    avoid=("Do not take the software power cap for it: a GPU that is fully loaded runs into that every day.",),
)
HOT_GPU = GpuCause(
    id="gpu-hot",
    severity=Severity.WARNING,
    sentence="The GPU is hot, and not slower for it yet.",
    words=Numbers("{:.0f} °C", (Quantity.GPU_TEMPERATURE,)),
    must=(Level(Quantity.GPU_TEMPERATURE, Is.ABOVE, GPU_HOT),),
    after=300,
    still=(Level(Quantity.GPU_TEMPERATURE, Is.AT_LEAST, GPU_COOL),),
    clears=300,
    helps=(Help("see its neighbours", "nodes"),),
)
