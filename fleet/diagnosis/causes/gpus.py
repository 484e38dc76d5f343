"""GPUs: errors that the driver reports, and clocks that are lower than they could be.

The classes of XIDs are those of NVIDIA's catalogue. The gauge is sticky: it shows that the error happened, to this pod
or an earlier one, not that it persists. The software power cap alone is not a fault: H100-class GPUs run into it
whenever they are fully loaded.
"""

from __future__ import annotations

from fleet.diagnosis import thresholds
from fleet.diagnosis.cause import GpuCause, Help, MetricsText, MetricsWords, Numbers, says
from fleet.diagnosis.causes.symptoms import AWAY, CANARY_SILENT, GPU_AWAY, QUEUES, SLOWNESS, STUCK, THROTTLING
from fleet.diagnosis.signs.metrics_sign import Code, Either, Is, Level, Lowered, MetricsSign, Packed, PackedField
from fleet.diagnosis.subjects.subject import MetricsRow
from fleet.diagnosis.thresholds import GPU_COOL, GPU_HOT, GPU_THROTTLED
from fleet.model.counting import count
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

_XID_WORDS = Numbers("XID {:.0f}", (Quantity.XID,))

_KEEP_PROOF = "Do not reset it before you have its driver's report: the reset erases the evidence."
_STAYS = "Do not restart its pod: it comes back to the same GPU."


def _broken(
    name: str, sign: MetricsSign, sentence: str, cure: str, *decides: str, words: MetricsWords = _XID_WORDS
) -> GpuCause:
    """A hardware fault that the driver reports."""
    return GpuCause(
        id=name,
        severity=Severity.CRITICAL,
        sentence=sentence,
        words=words,
        must=(sign,),
        explains=(
            *THROTTLING,
            "gpus-withdrawn",
            "no-gpu-allocatable",
            "node-gpu-error",
            "gpu-lags",
            "gpu-uneven",
            "errors",
            *SLOWNESS,
            *(one for one in ("gpu-memory-failed", "gpu-memory-error", "gpu-link-errors") if one != name),
            CANARY_SILENT,
            *STUCK,
            *GPU_AWAY,
        ),
        helps=(
            Help("keep new pods off the node", "cordon"),
            Help("read what its pod logged", "logs"),
            Help(cure, "drain"),
        ),
        avoid=(_KEEP_PROOF, _STAYS),
        decides=decides,
    )


GPU_LOST = _broken(
    "gpu-lost",
    Code(Quantity.XID, LOST),
    "The GPU has fallen off the bus: its node can no longer reach it.",
    "move the pods, then reboot the node; replace the GPU if it is lost again",
)
GPU_MEMORY = _broken(
    "gpu-memory-broken",
    Code(Quantity.XID, MEMORY),
    "The GPU's memory is failing: an uncorrectable error, or a row that could not be remapped.",
    "move the pods, then reset the GPU; replace it if rows cannot be remapped",
    "the driver's counters of remapped rows: a reset cures pending ones, not failures",
)
_REMAP_FAILED = Level(Quantity.ROW_REMAP_FAILED, Is.AT_LEAST, 1)
MEMORY_FAILED = _broken(
    "gpu-memory-failed",
    Either(
        ((_REMAP_FAILED,), (Level(Quantity.MEMORY_ERROR_RATE, Is.ABOVE, 0),)),
        "its memory fails",
    ),
    "The GPU's memory is failing, by the driver's counters: uncorrectable errors, or a row that could not be remapped.",
    "move the pods, then reset the GPU; replace it if rows cannot be remapped",
    "the driver's counters of remapped rows: a reset cures pending ones, not failures",
    words=MetricsText(
        lambda row: "row remapping failed" if _REMAP_FAILED.holds(row) else "uncorrectable memory errors",
        (Quantity.ROW_REMAP_FAILED,),
    ),
)
"""Findings catalogue F21."""
GPU_LINK = _broken(
    "gpu-link-broken",
    Code(Quantity.XID, LINK),
    "A link between GPUs is failing: engines that span several of them hang or crawl.",
    "move the pods, then reset the GPUs of the node together",
    "whether the GPU at the other end of the link reports the same",
)
HARDWARE_XID = _broken(
    "gpu-hardware-xid",
    Code(Quantity.XID, RESET),
    "The GPU must be reset: its driver reports that one of its own processors has failed.",
    "move the pods, then reset the GPU or reboot the node",
)
APPLICATION_XID = GpuCause(
    id="gpu-application-xid",
    severity=Severity.WARNING,
    sentence="A program faulted on the GPU; the GPU itself may be healthy.",
    words=_XID_WORDS,
    must=(Code(Quantity.XID, HARDWARE | ECHO, but=True),),
    secondary=True,
    # The gauge is sticky: an old error must not explain why an engine hangs now.
    explains=AWAY,
    helps=(
        Help("read what the program logged", "previous"),
        Help("restart the pod: the GPU can stay in use", "restart"),
    ),
    avoid=("Do not drain the node: the same program causes the same XID elsewhere.",),
    decides=("whether GPUs of other nodes that run the same model have the same XID",),
)

MEMORY_ERROR = GpuCause(
    id="gpu-memory-error",
    severity=Severity.WARNING,
    sentence="The GPU has had an uncorrectable memory error since its last reset.",
    words=MetricsText(
        lambda row: (
            "a memory row waits for a reset"
            if row.value(Quantity.ROW_REMAP_PENDING) >= 1
            else f"{count(row.value(Quantity.MEMORY_ERRORS), 'uncorrectable memory error')}"
        ),
        (Quantity.ROW_REMAP_PENDING, Quantity.MEMORY_ERRORS),
    ),
    must=(
        Either(
            (
                (Level(Quantity.MEMORY_ERRORS, Is.AT_LEAST, 1),),
                (Level(Quantity.ROW_REMAP_PENDING, Is.AT_LEAST, 1),),
            ),
            "its memory has failed once",
        ),
    ),
    helps=(
        Help("see since when", "past"),
        Help("move its pods at a quiet time, then reset the GPU", "drain"),
    ),
    avoid=("Do not drain it at once: a row that is to be remapped is out of use, and work may go on.", _KEEP_PROOF),
    decides=("whether a row could not be remapped, or errors go on after the reset: then the GPU must be replaced",),
)
"""Findings catalogue F21."""
LINK_ERRORS = GpuCause(
    id="gpu-link-errors",
    severity=Severity.WARNING,
    sentence="A connection of the GPU (NVLink or PCIe) has errors and repeats what it sends: it is slow, and may fail.",
    words=MetricsText(
        lambda row: (
            f"{row.value(Quantity.LINK_ERRORS) * 60:.0f} NVLink errors/min"
            if row.value(Quantity.LINK_ERRORS) > 0
            else f"{row.value(Quantity.PCIE_REPLAYS) * 60:.0f} PCIe replays/min"
        ),
        (Quantity.LINK_ERRORS, Quantity.PCIE_REPLAYS),
    ),
    must=(
        Either(
            (
                (Level(Quantity.LINK_ERRORS, Is.ABOVE, thresholds.LINK_ERRORS),),
                (Level(Quantity.PCIE_REPLAYS, Is.ABOVE, thresholds.PCIE_REPLAYS),),
            ),
            "its links repeat what they send",
        ),
    ),
    explains=("gpu-lags", "gpu-uneven", *SLOWNESS, "kv-transfers-fail"),
    after=120,
    clears=600,
    lookalikes=("gpu-link-broken", "gpu-throttled-by-heat"),
    helps=(Help("see the GPUs of its node", "nodes"), Help("keep new pods off the node", "cordon")),
    avoid=(_STAYS,),
    decides=("whether the GPU at the other end of the link counts them too: then it is the link, else this GPU",),
)
"""Findings catalogue F25."""
FABRIC = GpuCause(
    id="gpu-fabric-down",
    severity=Severity.CRITICAL,
    sentence="The fabric manager has failed: GPUs of this node cannot reach each other over NVSwitch.",
    words=says("fabric manager failed"),
    must=(Code(Quantity.FABRIC_STATE, frozenset({4})),),
    explains=("gpu-communication-failed", "gpu-link-broken", *AWAY, *STUCK),
    after=60,
    helps=(
        Help("keep new pods off the node", "cordon"),
        Help("move the pods, then restart the fabric manager and reset the GPUs together", "drain"),
    ),
    avoid=(_STAYS,),
    decides=("its log on the node, and its version: it must be the driver's",),
)
_TRUE = frozenset({1})
_CONFIGURED_WRONGLY = frozenset(range(2, 9))
_FABRIC_FIELDS = (
    PackedField(4, 2, _TRUE, "a route is unhealthy"),
    PackedField(8, 4, _CONFIGURED_WRONGLY, "wrongly configured"),
    PackedField(14, 2, frozenset({2}), "no contact with the fabric manager"),
    PackedField(0, 2, _TRUE, "less bandwidth"),
    PackedField(2, 2, _TRUE, "a route recovers"),
    PackedField(6, 2, _TRUE, "recovers from a timeout"),
)
"""NVML's nvmlGpuFabricInfo healthMask: each field has a state of its own, the worst first."""
_FABRIC_BAD = Packed(Quantity.FABRIC_HEALTH, _FABRIC_FIELDS, "a part of its fabric is not healthy")

FABRIC_DEGRADED = GpuCause(
    id="gpu-fabric-degraded",
    severity=Severity.WARNING,
    sentence="The NVLink fabric of the GPU is not healthy: engines that span GPUs or trays are slow, or hang.",
    words=MetricsText(
        lambda row: f"NVLink fabric: {next(iter(_FABRIC_BAD.bad_in(row.value(Quantity.FABRIC_HEALTH))), '')}",
        (Quantity.FABRIC_HEALTH,),
    ),
    must=(_FABRIC_BAD,),
    serious=(Packed(Quantity.FABRIC_HEALTH, _FABRIC_FIELDS[:2], "its routes or its configuration are wrong"),),
    explains=(
        "gpu-communication-failed",
        "gpu-fabric-not-ready",
        "gpu-link-errors",
        "gpu-lags",
        "gpu-uneven",
        *SLOWNESS,
        *STUCK,
    ),
    after=60,
    clears=300,
    lookalikes=("gpu-fabric-down", "gpu-link-broken", "gpu-link-errors"),
    helps=(
        Help("see the GPUs of its node", "nodes"),
        Help("keep new pods off the node", "cordon"),
        Help("move the pods of the whole rack (its NVLink domain), then repair it", "drain"),
    ),
    avoid=("Do not reset this GPU alone: the rack is the unit, and its other trays lose their routes.",),
    decides=("whether other trays of the rack report the same: all of them means a switch, one its own links",),
)
"""Field notes N20."""

_BRAKE = frozenset({"power brake"})
_HARDWARE = frozenset({"hardware slowdown", "thermal (hardware)"})
_BY_HARDWARE = Lowered(_HARDWARE, "the hardware lowers its clocks")


def _first_reason(row: MetricsRow) -> str:
    return next(f"throttled: {reason}" for reason in row.throttled_by if reason in _HARDWARE | _BRAKE)


_REASON = MetricsText(_first_reason)


POWER_BRAKE = GpuCause(
    id="gpu-power-brake",
    severity=Severity.CRITICAL,
    sentence="The node's power supply makes the GPU slow down.",
    words=_REASON,
    must=(Lowered(_BRAKE, "the power supply lowers its clocks"),),
    explains=("gpu-throttled-by-heat", "gpu-lags", "gpu-uneven", *SLOWNESS, *QUEUES),
    after=60,
    helps=(
        Help("see its neighbours: one GPU alone means its cable, all of them the power supply", "nodes"),
        Help("keep new pods off the node", "cordon"),
    ),
    avoid=("Do not confuse it with the software power cap, which every fully loaded GPU reaches.",),
)
BY_HARDWARE = GpuCause(
    id="gpu-throttled-by-hardware",
    severity=Severity.CRITICAL,
    sentence="The GPU's hardware lowers its clocks to protect it.",
    words=_REASON,
    must=(_BY_HARDWARE,),
    explains=("gpu-throttled-by-heat", "gpu-hot", "gpu-lags", "gpu-uneven", *SLOWNESS, *QUEUES),
    after=120,
    helps=(
        Help("keep new pods off the node", "cordon"),
        Help("move its pods, then check cooling and power", "drain"),
    ),
    decides=("the temperatures of the node's other GPUs: one hot GPU means a fan, all of them the airflow",),
)
BY_HEAT = GpuCause(
    id="gpu-throttled-by-heat",
    severity=Severity.WARNING,
    sentence="The GPU is throttled because it is hot.",
    words=Numbers("throttled by heat, {:.0f} °C", (Quantity.GPU_TEMPERATURE,)),
    must=(
        Either(
            (
                (Lowered(frozenset({"thermal (software)"}), "the driver lowers its clocks because of heat"),),
                (Level(Quantity.HEAT_THROTTLE, Is.AT_LEAST, GPU_THROTTLED),),
                (
                    Level(Quantity.GPU_TEMPERATURE, Is.AT_LEAST, GPU_HOT),
                    Level(Quantity.THROTTLE, Is.AT_LEAST, GPU_THROTTLED),
                ),
            ),
            "heat lowers its clocks",
        ),
    ),
    explains=("gpu-hot", "gpu-lags", "gpu-uneven", *SLOWNESS, *QUEUES),
    after=120,
    keeps_firing=(Level(Quantity.GPU_TEMPERATURE, Is.AT_LEAST, GPU_COOL),),
    clears=300,
    helps=(Help("see its neighbours", "nodes"), Help("keep new pods off the node", "cordon")),
    avoid=("Do not confuse it with the software power cap, which every fully loaded GPU reaches.",),
)
HOT_GPU = GpuCause(
    id="gpu-hot",
    severity=Severity.WARNING,
    sentence="The GPU is hot but not throttled yet.",
    words=Numbers("{:.0f} °C", (Quantity.GPU_TEMPERATURE,)),
    must=(Level(Quantity.GPU_TEMPERATURE, Is.ABOVE, GPU_HOT),),
    after=300,
    keeps_firing=(Level(Quantity.GPU_TEMPERATURE, Is.AT_LEAST, GPU_COOL),),
    clears=300,
    helps=(Help("see its neighbours", "nodes"),),
)
