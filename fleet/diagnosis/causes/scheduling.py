"""Pods without a node: what the scheduler, and what admits pods to it, say of them."""

from __future__ import annotations

from fleet.diagnosis.cause import Help, PodCause, Stage, says
from fleet.diagnosis.causes.symptoms import OVERLOAD
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subject import PodSubject
from fleet.model.objects import Condition
from fleet.model.snapshot import Severity

SCHEDULED = "PodScheduled"


def unplaced(subject: PodSubject) -> Condition | None:
    """The condition with which the scheduler says that it has no node; None where it has not said so."""
    found = (one for one in subject.pod.conditions if one.type == SCHEDULED and one.status == "False")
    return next(found, None)


def _message(subject: PodSubject) -> str:
    condition = unplaced(subject)
    return "" if condition is None else condition.message


def _gated(subject: PodSubject) -> bool:
    condition = unplaced(subject)
    return condition is not None and condition.reason == "SchedulingGated"


def _short_of_gpus(subject: PodSubject) -> bool:
    condition = unplaced(subject)
    return condition is not None and "Insufficient" in condition.message and bool(subject.pod.gpus)


_PENDING: Fact[PodSubject] = Fact("it is pending", "status.phase", lambda subject: subject.pod.phase == "Pending")
_GATED: Fact[PodSubject] = Fact("its scheduling is gated", "condition PodScheduled", _gated)
_UNPLACED: Fact[PodSubject] = Fact(
    "no node suits it", "condition PodScheduled", lambda subject: unplaced(subject) is not None, _message
)
_NO_GPU: Fact[PodSubject] = Fact("GPUs are short", "condition PodScheduled", _short_of_gpus)

GATED = PodCause(
    id="waits-for-quota",
    stage=Stage.PLACING,
    severity=Severity.STARTING,
    sentence="The pod is not given to the scheduler yet: its queue has no quota for it.",
    words=says("waits for quota"),
    must=(_PENDING, _GATED),
)
NO_FREE_GPU = PodCause(
    id="no-free-gpu",
    stage=Stage.PLACING,
    severity=Severity.WARNING,
    sentence="No node has as many free GPUs as the pod wants.",
    words=says("no free GPU"),
    must=(_PENDING, _UNPLACED, _NO_GPU),
    must_not=(_GATED,),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=120,
    helps=(
        Help("see which GPUs are free, and where", "nodes"),
        Help("see what the scheduler says of each node", "describe"),
        Help("want fewer replicas, so that a rollout can go on", "scale"),
    ),
    avoid=("Do not wait for a new node without a look at it: its GPUs do not count until their driver is there.",),
    decides=("whether free GPUs are many on one node or one on many: an engine needs all of its own on one",),
)
UNSCHEDULABLE = PodCause(
    id="unschedulable",
    stage=Stage.PLACING,
    severity=Severity.WARNING,
    sentence="No node suits the pod, and it is not GPUs that are short.",
    words=says("unschedulable"),
    must=(_PENDING, _UNPLACED),
    must_not=(_GATED, _NO_GPU),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=120,
    helps=(Help("see what the scheduler says of each node", "describe"),),
    decides=("which of taints, affinity, volumes and CPU the scheduler names",),
)
PENDING = PodCause(
    id="pod-pending",
    stage=Stage.PLACING,
    severity=Severity.STARTING,
    sentence="The pod has a node, or waits for one, and its containers do not run yet.",
    words=lambda subject: subject.pod.status,
    must=(_PENDING,),
    must_not=(_UNPLACED,),
)
