"""Pods that are on their way out, and those that have done what they were for."""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Of, Stage, says
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subject import PodSeen
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
