"""Absence: on its way out, on purpose, or out of sight. What Kubernetes does not tell is not gone."""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Numbers, Of, Stage, says
from fleet.diagnosis.sign import Fact, Is, Level, Row
from fleet.diagnosis.subject import PodSeen, WorkloadSeen
from fleet.model.objects import HIDDEN
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Severity

TERMINATING = Cause[PodSeen](
    id="pod-terminating",
    of=Of.POD,
    stage=Stage.GOING,
    severity=Severity.GONE,
    sentence="The pod is being deleted.",
    words=says("terminating"),
    must=(Fact("it is being deleted", "metadata.deletionTimestamp", lambda seen: seen.pod.deleted is not None),),
)
COMPLETED = Cause[PodSeen](
    id="pod-completed",
    of=Of.POD,
    stage=Stage.GOING,
    severity=Severity.GONE,
    sentence="The pod has done its work.",
    words=says("completed"),
    must=(Fact("it succeeded", "status.phase", lambda seen: seen.pod.phase == "Succeeded"),),
    must_not=TERMINATING.must,
)
LEFT_OVER = Cause[PodSeen](
    id="pod-left-over",
    of=Of.POD,
    stage=Stage.GOING,
    severity=Severity.GONE,
    sentence="The pod failed, and its workload has all its replicas without it.",
    words=lambda seen: f"left over: {seen.pod.status}",
    must=(
        Fact("it failed", "status.phase", lambda seen: seen.pod.phase == "Failed"),
        Fact("its successor is there", "the other pods of its workload", lambda seen: seen.replaced),
    ),
    must_not=TERMINATING.must,
)

MAY_NOT_LIST = "its pods may not be listed"
_MADE_UP: Fact[PodSeen] = Fact("only its metrics tell of it", "metadata.uid", lambda seen: not seen.pod.uid)
_HIDDEN: Fact[PodSeen] = Fact("its namespace may not be listed", "coverage", lambda seen: seen.pod.status == HIDDEN)

POD_UNLISTED = Cause[PodSeen](
    id="pod-unlisted",
    of=Of.POD,
    stage=Stage.UNSEEN,
    severity=Severity.UNKNOWN,
    sentence="An engine is measured whose pod may not be listed.",
    words=says(MAY_NOT_LIST),
    must=(_MADE_UP, _HIDDEN),
    after=60,
)
POD_UNSEEN = Cause[PodSeen](
    id="pod-unseen",
    of=Of.POD,
    stage=Stage.UNSEEN,
    severity=Severity.UNKNOWN,
    sentence="An engine is measured whose pod Kubernetes does not have.",
    words=says("not seen in Kubernetes"),
    must=(_MADE_UP,),
    must_not=(_HIDDEN,),
    after=60,
)
PODS_UNLISTED = Cause[WorkloadSeen](
    id="pods-unlisted",
    of=Of.WORKLOAD,
    stage=Stage.UNSEEN,
    severity=Severity.UNKNOWN,
    sentence="The pods of the workload are not known.",
    words=lambda seen: seen.unseen,
    must=(Fact("its pods are not known", "coverage", lambda seen: bool(seen.unseen) and not seen.pods),),
    after=60,
)

ENGINE_ASLEEP = Cause[Row](
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
