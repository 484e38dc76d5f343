"""Objects of which Kubernetes tells nothing: not told is not gone."""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Of, Stage, says
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subject import PodSeen, WorkloadSeen
from fleet.model.objects import HIDDEN
from fleet.model.snapshot import Severity

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
)
PODS_UNLISTED = Cause[WorkloadSeen](
    id="pods-unlisted",
    of=Of.WORKLOAD,
    stage=Stage.UNSEEN,
    severity=Severity.UNKNOWN,
    sentence="The pods of the workload are not known.",
    words=lambda seen: seen.unseen,
    must=(Fact("its pods are not known", "coverage", lambda seen: bool(seen.unseen) and not seen.pods),),
)
