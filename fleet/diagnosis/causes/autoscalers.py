"""Autoscalers that cannot scale, cannot read their metric, are at their maximum, or flap.

The conditions are those of kubernetes/pkg/controller/podautoscaler. KEDA writes the same: it scales through one.
"""

from __future__ import annotations

from collections.abc import Callable

from fleet.diagnosis import thresholds
from fleet.diagnosis.cause import Help, says
from fleet.diagnosis.causes.symptoms import QUEUES
from fleet.diagnosis.families.autoscaler_cause import AutoscalerCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.autoscaler_subject import REMEMBERED, AutoscalerSubject
from fleet.diagnosis.threshold import Threshold
from fleet.model.counting import count
from fleet.model.severity import Severity

_QUEUES = (*QUEUES, "kv-cache-full", "requests-turned-away")
"""Symptoms of a workload that does not get the replicas that it needs."""
_SEE = Help("read what its controller reports", "describe")
_SCALE = Help("set the replicas by hand until it works", "scale")


def _condition(name: str, status: str, sentence: str, *but: str) -> Fact[AutoscalerSubject]:
    """A sign: a condition with this status, for a reason other than ``but``; unknown if there is no such condition."""

    def holds(subject: AutoscalerSubject) -> bool | None:
        found = subject.condition(name)
        return None if found is None else found.status == status and found.reason not in but

    def shows(subject: AutoscalerSubject) -> str:
        found = subject.condition(name)
        return "" if found is None else f"{name}={found.status}, {found.reason}: {found.message}"

    return Fact(sentence, f"condition {name}", holds, shows)


def _waits(limit: Threshold) -> Callable[[AutoscalerSubject], bool | None]:
    def holds(subject: AutoscalerSubject) -> bool | None:
        return subject.waiting >= limit.at(subject.profile) if subject.waiting == subject.waiting else None

    return holds


def _waiting(subject: AutoscalerSubject) -> str:
    return f"{subject.waiting:.0f} per replica" if subject.waiting == subject.waiting else ""


def _most(subject: AutoscalerSubject) -> tuple[int, int]:
    """Return the size that it scaled to most often, and the number of times."""
    return max(((times, size) for size, times in subject.sizes.items()), default=(0, 0))[::-1]


def _flapping(subject: AutoscalerSubject) -> str:
    size, times = _most(subject)
    return f"autoscaler flaps: {count(size, 'replica')} {count(times, 'time')}"


def _sizes(subject: AutoscalerSubject) -> str:
    return ", ".join(
        f"to {count(size, 'replica')} {count(times, 'time')}" for size, times in sorted(subject.sizes.items())
    )


def _limited(subject: AutoscalerSubject) -> bool | None:
    """True if it wants more than its maximum: by its condition, else by the numbers that make the condition."""
    found, of = subject.condition("ScalingLimited"), subject.autoscaler
    if found is not None:
        return found.status == "True" and found.reason == "TooManyReplicas"
    return None if of.conditions else of.minimum < of.maximum <= of.desired


_AMBIGUOUS = "AmbiguousSelector"
_CONFLICT: Fact[AutoscalerSubject] = Fact(
    "another autoscaler scales the same pods",
    "condition ScalingActive",
    lambda subject: None if (found := subject.condition("ScalingActive")) is None else found.reason == _AMBIGUOUS,
    lambda subject: found.message if (found := subject.condition("ScalingActive")) is not None else "",
)
_UNABLE = _condition("AbleToScale", "False", "it cannot set the replicas")
_UNREAD = _condition("ScalingActive", "False", "it cannot read its metric", "ScalingDisabled", _AMBIGUOUS)
_BLIND: Fact[AutoscalerSubject] = Fact(
    "it cannot read its metric",
    "condition ScalingActive, events of its ScaledObject",
    lambda subject: True if subject.warning else _UNREAD.holds(subject),
    lambda subject: "; ".join(filter(None, (subject.warning, _UNREAD.shows(subject)))),
)
_LIMITED: Fact[AutoscalerSubject] = Fact(
    "it wants more replicas than its maximum",
    "condition ScalingLimited",
    _limited,
    lambda subject: f"maximum {subject.autoscaler.maximum}, has {subject.autoscaler.current}",
)
_WAIT = Fact("requests wait", "requests_waiting", _waits(thresholds.QUEUE_AT_MAXIMUM), _waiting)
_FLAPS: Fact[AutoscalerSubject] = Fact(
    f"it returned to the same number of replicas repeatedly within {REMEMBERED / 60:.0f} min",
    "events SuccessfulRescale",
    lambda subject: _most(subject)[1] >= thresholds.SIZE_AGAIN.at(subject.profile),
    _sizes,
)

CONFLICT = AutoscalerCause(
    id="autoscalers-conflict",
    severity=Severity.WARNING,
    sentence="Two autoscalers scale the same pods, so neither of them acts.",
    words=says("two autoscalers scale it"),
    must=(_CONFLICT,),
    explains=_QUEUES,
    before=("autoscaler-blind", "autoscaler-at-maximum", "autoscaler-flaps", "autoscaler-cannot-scale"),
    after=60,
    helps=(
        _SEE,
        Help("delete the one that is not wanted; KEDA's comes back unless its ScaledObject is deleted"),
        _SCALE,
    ),
    avoid=("Do not scale by hand and leave both: as soon as one acts again, it undoes that.",),
    decides=("which of them is declared where the workload is: the other is a remainder",),
)
"""Two autoscalers that disagree (field notes N18)."""
UNABLE = AutoscalerCause(
    id="autoscaler-cannot-scale",
    severity=Severity.WARNING,
    sentence="The autoscaler cannot read or set the replicas of its workload.",
    words=says("autoscaler cannot scale"),
    must=(_UNABLE,),
    explains=_QUEUES,
    before=("autoscaler-blind", "autoscaler-at-maximum", "autoscaler-flaps"),
    after=60,
    helps=(_SEE, _SCALE),
    avoid=("Do not raise its maximum: it does not reach the current one.",),
    decides=("whether the kind has a scale subresource, and who may write it",),
)
BLIND = AutoscalerCause(
    id="autoscaler-blind",
    severity=Severity.WARNING,
    sentence="The autoscaler cannot read the metric that it scales on, so it leaves the replicas as they are.",
    words=says("autoscaler has no metric"),
    must=(_BLIND,),
    must_not=(_UNABLE,),
    explains=_QUEUES,
    before=("autoscaler-at-maximum", "autoscaler-flaps"),
    # A new workload has no numbers yet.
    after=120,
    clears=120,
    helps=(_SEE, Help("see which metrics sources answer", "sources"), _SCALE),
    avoid=(
        "Do not take its last number of replicas as what is needed now: it dates from when the metric was readable.",
    ),
    decides=(
        "whether the metrics API has it: kubectl get --raw /apis/custom.metrics.k8s.io or external.metrics.k8s.io",
    ),
)
AT_MAXIMUM = AutoscalerCause(
    id="autoscaler-at-maximum",
    severity=Severity.WARNING,
    sentence="The autoscaler is at its maximum, and requests wait.",
    # The total is shown beside it: a second number, per replica, would look like another total.
    words=lambda subject: f"autoscaler at its maximum of {subject.autoscaler.maximum}, requests wait",
    must=(_LIMITED, _WAIT),
    must_not=(_UNABLE, _BLIND),
    serious=(Fact("users give up", "requests_waiting", _waits(thresholds.QUEUE_SERIOUS), _waiting),),
    explains=_QUEUES,
    before=("autoscaler-flaps",),
    after=60,
    clears=180,
    keeps_firing=(
        _LIMITED,
        Fact("requests wait", "requests_waiting", _waits(thresholds.QUEUE_AT_MAXIMUM_EASED), _waiting),
    ),
    helps=(Help("raise its maximum", "bounds"), _SEE, Help("see whether GPUs are free", "nodes")),
    avoid=("Do not scale the workload by hand: the autoscaler removes what exceeds its maximum.",),
    decides=("whether GPUs are free for more replicas: if not, add nodes or scale something else down",),
)
FLAPS = AutoscalerCause(
    id="autoscaler-flaps",
    severity=Severity.WARNING,
    sentence="The autoscaler keeps adding and removing replicas, and each new one has to load the model.",
    words=_flapping,
    must=(_FLAPS,),
    must_not=(_UNABLE,),
    clears=600,
    helps=(
        Help("see its bounds and its behaviour", "describe"),
        Help("see what it did, and when", "past"),
        Help("raise its minimum", "bounds"),
    ),
    avoid=(
        "Do not shorten its stabilization window: a replica that loads for minutes cannot help a burst of seconds.",
    ),
    decides=("whether its metric oscillates by itself, or because a loading replica counts as idle",),
)
