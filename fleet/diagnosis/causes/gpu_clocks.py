"""GPUs that run slower than they could, or are about to (F22, F23).

The software power cap alone is no trouble: H100-class GPUs run into it whenever they are fully loaded.
"""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Help, Numbers, Of
from fleet.diagnosis.sign import Either, Is, Level, Lowered, Row
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Severity

THROTTLED = 0.05
"""Share of the window spent throttled that is visible in latency."""
HOT = 85.0
"""°C above which a GPU deserves a look; also what tells heat from the power cap where the exporter does not
give the reason."""
COOL = 80.0
"""°C below which a GPU that was hot is not any more."""
_HARDWARE = frozenset({"hardware slowdown", "thermal (hardware)", "power brake"})
_BY_HARDWARE = Lowered(_HARDWARE, "the hardware lowers its clocks")


def _why(row: Row) -> str:
    return next(f"throttled: {reason}" for reason in row.said if reason in _HARDWARE)


BY_HARDWARE = Cause[Row](
    id="gpu-throttled-by-hardware",
    of=Of.GPU,
    severity=Severity.CRITICAL,
    sentence="The GPU protects itself: its hardware lowers the clocks.",
    words=_why,
    must=(_BY_HARDWARE,),
    explains=("gpu-throttled-by-heat", "gpu-hot", "replica-slow", "queue-deep"),
    after=120,
    helps=(
        Help("keep new pods away from the node", "cordon"),
        Help("move its pods, then look at cooling and power", "drain"),
    ),
    decides=("the temperatures of the other GPUs of the node: one that is hot is a fan, all of them are the air",),
)
BY_HEAT = Cause[Row](
    id="gpu-throttled-by-heat",
    of=Of.GPU,
    severity=Severity.WARNING,
    sentence="The GPU is slower than it could be, because it is hot.",
    words=Numbers("throttled by heat, {:.0f} °C", (Quantity.GPU_TEMPERATURE,)),
    must=(
        Either(
            (
                (Lowered(frozenset({"thermal (software)"}), "the driver lowers its clocks for heat"),),
                (Level(Quantity.GPU_TEMPERATURE, Is.AT_LEAST, HOT), Level(Quantity.THROTTLE, Is.AT_LEAST, THROTTLED)),
            ),
            "heat lowers its clocks",
        ),
    ),
    explains=("gpu-hot", "replica-slow", "queue-deep"),
    after=120,
    still=(Level(Quantity.GPU_TEMPERATURE, Is.AT_LEAST, COOL),),
    clears=300,
    helps=(Help("see its neighbours", "nodes"), Help("keep new pods away from the node", "cordon")),
    avoid=("Do not take the software power cap for it: a GPU that is fully loaded runs into that every day.",),
)
HOT_GPU = Cause[Row](
    id="gpu-hot",
    of=Of.GPU,
    severity=Severity.WARNING,
    sentence="The GPU is hot, and not slower for it yet.",
    words=Numbers("{:.0f} °C", (Quantity.GPU_TEMPERATURE,)),
    must=(Level(Quantity.GPU_TEMPERATURE, Is.ABOVE, HOT),),
    after=300,
    still=(Level(Quantity.GPU_TEMPERATURE, Is.AT_LEAST, COOL),),
    clears=300,
    helps=(Help("see its neighbours", "nodes"),),
)
