"""What is away on purpose."""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Numbers, Of, Stage, says
from fleet.diagnosis.sign import Fact, Is, Level, Row
from fleet.diagnosis.subject import WorkloadSeen
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Severity

ENGINE = Cause[Row](
    id="engine-asleep",
    of=Of.ENGINE,
    stage=Stage.ASLEEP,
    severity=Severity.ASLEEP,
    sentence="The engine sleeps: its weights are not on the GPU until somebody wakes it.",
    words=Numbers("asleep, level {:.0f}", (Quantity.SLEEP_LEVEL,)),
    must=(Level(Quantity.SLEEP_LEVEL, Is.ABOVE, 0),),
)
SCALED_TO_ZERO = Cause[WorkloadSeen](
    id="scaled-to-zero",
    of=Of.WORKLOAD,
    stage=Stage.GOING,
    severity=Severity.ASLEEP,
    sentence="No replica is wanted.",
    words=says("scaled to 0"),
    must=(Fact("no replica is wanted", "spec.replicas", lambda seen: seen.workload.desired == 0),),
)
PODS_ASLEEP = Cause[WorkloadSeen](
    id="pods-asleep",
    of=Of.WORKLOAD,
    stage=Stage.ASLEEP,
    severity=Severity.ASLEEP,
    sentence="All replicas sleep.",
    words=lambda seen: seen.worst.reason,
    must=(
        Fact("a replica is ready", "the pods' condition Ready", lambda seen: seen.ready > 0),
        Fact(
            "all pods sleep",
            "the pods' sleep level",
            lambda seen: all(pod.severity is Severity.ASLEEP for pod in seen.pods),
        ),
    ),
)
