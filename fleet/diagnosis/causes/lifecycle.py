"""Pods that are leaving, absent on purpose, or out of sight. An object that Kubernetes does not list is not assumed
gone.
"""

from __future__ import annotations

from fleet.diagnosis.cause import EngineCause, Help, Numbers, PodCause, Stage, WorkloadCause, says
from fleet.diagnosis.causes.symptoms import QUEUES, STUCK
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.signs.metrics_sign import Either, Is, Level
from fleet.diagnosis.subjects.subject import MAY_NOT_LIST, PodSubject
from fleet.model.objects import HIDDEN
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity

TERMINATING = PodCause(
    id="pod-terminating",
    stage=Stage.GOING,
    severity=Severity.GONE,
    sentence="The pod is being deleted.",
    words=says("terminating"),
    must=(Fact("it is being deleted", "metadata.deletionTimestamp", lambda subject: subject.pod.deleted is not None),),
)
COMPLETED = PodCause(
    id="pod-completed",
    stage=Stage.GOING,
    severity=Severity.GONE,
    sentence="The pod has completed.",
    words=says("completed"),
    must=(Fact("it succeeded", "status.phase", lambda subject: subject.pod.phase == "Succeeded"),),
    must_not=TERMINATING.must,
)
LEFT_OVER = PodCause(
    id="pod-left-over",
    stage=Stage.GOING,
    severity=Severity.GONE,
    sentence="The pod failed, and its workload has all its replicas without it.",
    words=lambda subject: f"left over: {subject.pod.status}",
    must=(
        Fact("it failed", "status.phase", lambda subject: subject.pod.phase == "Failed"),
        Fact("its replacement exists", "the other pods of its workload", lambda subject: subject.replaced),
    ),
    must_not=TERMINATING.must,
)

_MADE_UP: Fact[PodSubject] = Fact("only its metrics show it", "metadata.uid", lambda subject: not subject.pod.uid)
_HIDDEN: Fact[PodSubject] = Fact(
    "its namespace may not be listed", "coverage", lambda subject: subject.pod.status == HIDDEN
)

POD_UNLISTED = PodCause(
    id="pod-unlisted",
    stage=Stage.UNSEEN,
    severity=Severity.UNKNOWN,
    sentence="There are metrics of an engine whose pod may not be listed.",
    words=says(MAY_NOT_LIST),
    must=(_MADE_UP, _HIDDEN),
    after=60,
)
POD_UNSEEN = PodCause(
    id="pod-unseen",
    stage=Stage.UNSEEN,
    severity=Severity.UNKNOWN,
    sentence="There are metrics of an engine whose pod is not in Kubernetes.",
    words=says("not seen in Kubernetes"),
    must=(_MADE_UP,),
    must_not=(_HIDDEN,),
    after=60,
)
PODS_UNLISTED = WorkloadCause(
    id="pods-unlisted",
    stage=Stage.UNSEEN,
    severity=Severity.UNKNOWN,
    sentence="The workload's pods are not known.",
    words=lambda subject: subject.unseen,
    must=(Fact("its pods are not known", "coverage", lambda subject: bool(subject.unseen) and not subject.pods),),
    after=60,
)

ENGINE_ASLEEP = EngineCause(
    id="engine-asleep",
    stage=Stage.ASLEEP,
    severity=Severity.ASLEEP,
    sentence="The engine is asleep: its weights are not on the GPU until it is woken.",
    words=Numbers("asleep, level {:.0f}", (Quantity.SLEEP_LEVEL,)),
    must=(Level(Quantity.SLEEP_LEVEL, Is.ABOVE, 0),),
)
ASLEEP_AND_ASKED = EngineCause(
    id="engine-asleep-with-queue",
    stage=Stage.ASLEEP,
    severity=Severity.WARNING,
    sentence="The engine is asleep while requests for it wait: nothing wakes it.",
    words=Numbers("asleep, with a queue of {:.0f}", (Quantity.WAITING,)),
    must=(Level(Quantity.SLEEP_LEVEL, Is.ABOVE, 0), Level(Quantity.WAITING, Is.ABOVE, 0)),
    explains=QUEUES,
    # Waking takes a while, and some are only woken by a request.
    after=60,
    lookalikes=("engine-takes-nothing", "engine-stuck"),
    helps=(
        Help("wake it: POST /wake_up at the engine"),
        Help("see what puts it to sleep", "describe"),
        Help("see since when", "past"),
    ),
    avoid=("Do not restart it: that loads all its weights again, and waking does not.",),
    decides=("whether the router knows that it is asleep: then it should have sent nothing",),
)
HANGS_ASLEEP = EngineCause(
    id="sleep-operation-hangs",
    stage=Stage.ASLEEP,
    severity=Severity.WARNING,
    sentence="The engine is being put to sleep or woken, and that does not end: it answers nobody meanwhile.",
    words=says("falls asleep or wakes, without an end"),
    must=(
        Level(Quantity.SLEEP_OPERATIONS, Is.ABOVE, 0),
        Either(
            ((Level(Quantity.LATEST_TOKENS, Is.EXACTLY, 0),), (Level(Quantity.GENERATION_TOKENS, Is.EXACTLY, 0),)),
            "no tokens are generated",
        ),
    ),
    explains=("engine-asleep", "engine-asleep-with-queue", "replica-unused", "errors", *STUCK, *QUEUES),
    before=("engine-asleep-with-queue",),
    peers=True,
    # Copying the weights of the largest models back takes minutes at most (the metric's own buckets end at ten).
    after=300,
    lookalikes=("engine-stuck", "engine-asleep-with-queue"),
    helps=(
        Help("read the end of its log", "logs"),
        Help("restart its pods one after another", "restart"),
        Help("see what puts it to sleep", "describe"),
    ),
    avoid=("Do not trust the answer of /sleep or /wake_up: it may be 200 while the engine dies.",),
    decides=("whether host memory is left for the weights: without it, waking and sleeping swap",),
)
"""Field notes N17 (vLLM issue 45520)."""
SCALED_TO_ZERO = WorkloadCause(
    id="scaled-to-zero",
    stage=Stage.GOING,
    severity=Severity.ASLEEP,
    sentence="The workload is scaled to zero.",
    words=says("scaled to 0"),
    must=(Fact("zero replicas are wanted", "spec.replicas", lambda subject: subject.workload.desired == 0),),
)
PODS_ASLEEP = WorkloadCause(
    id="pods-asleep",
    stage=Stage.ASLEEP,
    severity=Severity.ASLEEP,
    sentence="All replicas are asleep.",
    words=lambda subject: next((pod.reason for pod in subject.pods if pod.severity is Severity.ASLEEP), ""),
    must=(
        Fact("a replica is ready", "the pods' condition Ready", lambda subject: subject.ready > 0),
        Fact(
            "all engines are asleep",
            "the pods' sleep level",
            lambda subject: subject.sleeps,
        ),
    ),
)
