"""Workloads, by their own counts and their pods' assessments, and rollouts that do not finish.

One sick pod among many does not make a workload sick.
"""

from __future__ import annotations

from fleet.diagnosis.cause import Help, Stage, WorkloadCause, says
from fleet.diagnosis.causes.symptoms import GATEWAYS
from fleet.diagnosis.families.budget_cause import BudgetCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.subject import WorkloadSubject
from fleet.model.error_budget import BurningBudget
from fleet.model.severity import Severity

NONE_READY = "no replica is ready"
_BUDGETS = (
    "budget-burns-fast",
    "budget-burns",
    "ttft-objective-missed",
    "itl-objective-missed",
    "e2e-objective-missed",
)
"""Users feel it where replicas are away, or serve badly."""


def _reason(subject: WorkloadSubject) -> str:
    return subject.worst.reason


def _worst_is(*severities: Severity) -> Fact[WorkloadSubject]:
    words = " or ".join(severities)
    return Fact(
        f"its worst pod is {words}", "the states of its pods", lambda subject: subject.worst.severity in severities
    )


_SOME_READY: Fact[WorkloadSubject] = Fact(
    "a replica is ready", "condition Ready of the pods", lambda subject: subject.ready > 0
)
_NONE_READY: Fact[WorkloadSubject] = Fact(NONE_READY, "condition Ready of the pods", lambda subject: subject.ready == 0)
_HALF_LOST: Fact[WorkloadSubject] = Fact(
    "half of the wanted replicas do not serve",
    "the states of its pods",
    lambda subject: (subject.workload.desired - subject.serving) * 2 >= subject.workload.desired,
)
_BROKEN: Fact[WorkloadSubject] = Fact(
    "a replica is on a broken GPU",
    "the states of its GPUs",
    lambda subject: subject.broken > 0,
    lambda subject: f"{subject.broken} on a broken GPU" if subject.broken else "",
)
_HANGS: Fact[WorkloadSubject] = Fact(
    "requests hang in a replica",
    "requests and tokens of its pods",
    lambda subject: subject.hanging > 0,
    lambda subject: f"{subject.hanging:,.0f} without a token" if subject.hanging else "",
)
_MISSING: Fact[WorkloadSubject] = Fact(
    "replicas are missing", "condition Ready of the pods", lambda subject: subject.missing > 0
)
_UNKNOWN, _STARTING = _worst_is(Severity.UNKNOWN), _worst_is(Severity.STARTING)
_CRITICAL = _worst_is(Severity.CRITICAL)

NOBODY_SERVES = WorkloadCause(
    id="no-replica-ready",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="No replica is ready: nothing serves the model.",
    words=lambda subject: subject.worst.reason or NONE_READY,
    must=(_NONE_READY,),
    must_not=(_UNKNOWN, _STARTING),
    explains=(*_BUDGETS, *GATEWAYS, "requests-turned-away"),
    symptom=True,
    after=60,
)
ALL_START = WorkloadCause(
    id="no-replica-ready-yet",
    stage=Stage.STARTING,
    severity=Severity.STARTING,
    sentence="No replica is ready yet: they are starting.",
    words=lambda subject: subject.worst.reason or NONE_READY,
    must=(_NONE_READY, _STARTING),
)
NOT_KNOWN = WorkloadCause(
    id="replicas-unknown",
    severity=Severity.UNKNOWN,
    sentence="The state of some replicas is unknown.",
    words=_reason,
    must=(_UNKNOWN,),
    symptom=True,
    after=60,
)
LOST = WorkloadCause(
    id="replicas-lost",
    severity=Severity.WARNING,
    sentence="Some replicas serve badly, or not at all.",
    words=_reason,
    must=(_SOME_READY, _CRITICAL),
    # Neither a broken GPU nor the requests of a hung engine recover by themselves.
    serious=(_HALF_LOST, _BROKEN, _HANGS),
    explains=_BUDGETS,
    symptom=True,
    after=60,
)
TROUBLED = WorkloadCause(
    id="replicas-in-trouble",
    severity=Severity.WARNING,
    sentence="Some replicas are degraded.",
    words=_reason,
    must=(_SOME_READY, _worst_is(Severity.WARNING)),
    explains=_BUDGETS,
    symptom=True,
    after=60,
)
MISSING = WorkloadCause(
    id="replicas-missing",
    severity=Severity.WARNING,
    sentence="Fewer replicas are ready than wanted.",
    words=lambda subject: _reason(subject) or f"{subject.ready} of {subject.workload.desired} ready",
    must=(_SOME_READY, _MISSING),
    must_not=(_UNKNOWN, _STARTING, _CRITICAL, _worst_is(Severity.WARNING)),
    explains=_BUDGETS,
    symptom=True,
    after=60,
)
SOME_START = WorkloadCause(
    id="replicas-start",
    severity=Severity.STARTING,
    sentence="Some replicas are starting.",
    words=_reason,
    must=(_SOME_READY, _MISSING, _STARTING),
)


def _all_say_one_thing(subject: WorkloadSubject) -> bool:
    return len({pod.reason for pod in subject.pods}) == 1


SAY = WorkloadCause(
    id="replicas-say",
    severity=Severity.OK,
    sentence="All replicas report the same.",
    words=lambda subject: subject.pods[0].reason,
    must=(Fact("all pods report the same", "the states of its pods", _all_say_one_thing),),
)

_FAST: Fact[BurningBudget] = Fact(
    "it burns fast on a long and a short window", "objectives", lambda subject: subject.is_fast
)
_SLOW: Fact[BurningBudget] = Fact(
    "it burns on a long and a short window", "objectives", lambda subject: not subject.is_fast
)
_BUDGET_HELPS = (Help("see what is left of each error budget", "slo"), Help("see what happened before", "past"))

BUDGET_FAST = BudgetCause(
    id="budget-burns-fast",
    severity=Severity.CRITICAL,
    sentence="An objective is being missed: at this rate the error budget is gone within days.",
    words=lambda subject: subject.words,
    must=(_FAST,),
    symptom=True,
    helps=_BUDGET_HELPS,
)
"""SRE workbook, table 5-8: 14.4x over 1 h and 5 min, or 6x over 6 h and 30 min."""
BUDGET_SLOW = BudgetCause(
    id="budget-burns",
    severity=Severity.WARNING,
    sentence="At this rate the error budget will not last for its period.",
    words=lambda subject: subject.words,
    must=(_SLOW,),
    symptom=True,
    helps=_BUDGET_HELPS,
)
"""SRE workbook, table 5-8: 3x over 24 h and 2 h, or 1x over 3 d and 6 h."""


def _given_up(subject: WorkloadSubject) -> bool:
    # Other controllers say Progressing=False when there is nothing left to do.
    return any(
        one.type == "Progressing" and one.reason == "ProgressDeadlineExceeded" for one in subject.workload.conditions
    )


STUCK = WorkloadCause(
    id="rollout-stuck",
    stage=Stage.BROKEN,
    severity=Severity.WARNING,
    sentence="The rollout has made no progress within its deadline.",
    words=says("rollout stuck"),
    must=(Fact("its deadline has passed", "condition Progressing", _given_up),),
    serious=(Fact("no replica is ready", "condition Ready of the pods", lambda subject: not subject.ready),),
    explains=("replicas-missing", "replicas-lost", "no-replica-ready", *_BUDGETS),
    lookalikes=("no-free-gpu", "image-not-pulled", "crash-loop"),
    helps=(
        Help("see what its newest pods wait for", "describe"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not raise maxSurge: a new replica needs GPUs in addition to those of the old one.",),
    decides=("whether the model loads for longer than progressDeadlineSeconds: then it only needs more time",),
)
