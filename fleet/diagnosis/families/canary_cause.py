"""Pods and workloads by what the canary was answered, and the class of causes that read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.canary import CanaryAnswer, CanaryAnswers, CanaryOutcome
from fleet.model.facts import Dated
from fleet.model.objects import Pod
from fleet.model.snapshot import CANARY, Snapshot

FAILURES: Final = 2
"""Questions in a row that come to nothing: one alone may have met a restart, or a burst."""
ODD: Final = 3
"""Answers in a row that are not the peers': batches of other sizes round differently now and then, not each time."""


class CanaryPod(NamedTuple):
    """A pod that was asked."""

    pod: Pod
    answer: CanaryAnswer


class CanaryRoute(NamedTuple):
    """A workload that was queried through its gateway, and directly."""

    answer: CanaryAnswer
    """Answer that came through the gateway."""
    answered: int
    """Engines of it that answered when they were asked directly."""


class CanaryCause(Cause[CanaryPod]):
    """A cause at a pod, by its answers to the canary."""

    of = SubjectKind.POD

    def subject(self, subjects: Subjects, key: str) -> CanaryPod | None:
        snapshot = subjects.snapshot
        answer = None if snapshot is None else _answer(snapshot, key, lambda answers: answers.direct)
        pod = None if snapshot is None else snapshot.pods.get(key)
        return None if answer is None or pod is None else CanaryPod(pod, answer)


class RouteCanaryCause(Cause[CanaryRoute]):
    """A cause in front of a workload, found by the workload's answers to the canary."""

    of = SubjectKind.SERVICE

    def subject(self, subjects: Subjects, key: str) -> CanaryRoute | None:
        snapshot = subjects.snapshot
        answer = None if snapshot is None else _answer(snapshot, key, lambda answers: answers.through)
        return None if snapshot is None or answer is None else _route(snapshot, answer)


def answer_of(snapshot: Snapshot, key: str) -> CanaryAnswer | None:
    """Return the last answer of a pod, or of a workload through its gateway; None where it is not asked."""
    return _answer(snapshot, key, lambda answers: (*answers.direct, *answers.through))


def _route(snapshot: Snapshot, answer: CanaryAnswer) -> CanaryRoute:
    members = frozenset(snapshot.pods_of.get(answer.key, ()))
    answered = sum(one.outcome is CanaryOutcome.ANSWERED for one in _answers(snapshot).direct if one.key in members)
    return CanaryRoute(answer, answered)


def _answers(snapshot: Snapshot) -> CanaryAnswers:
    dated: Dated[CanaryAnswers] | None = snapshot.facts.by_source.get(CANARY)
    return CanaryAnswers() if dated is None else dated.value


def _answer(snapshot: Snapshot, key: str, of: Callable[[CanaryAnswers], Sequence[CanaryAnswer]]) -> CanaryAnswer | None:
    return next((one for one in of(_answers(snapshot)) if one.key == key), None)


class SilentPods(CauseSearch[CanaryCause]):
    """Finds the pods that do not answer, or not as their peers do."""

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.facts.by_source.get(CANARY), snapshot.pods)

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        for answer in _answers(snapshot).direct:
            if (pod := snapshot.pods.get(answer.key)) is not None:
                yield from self.holding(CanaryPod(pod, answer), answer.key)


class SilentRoutes(CauseSearch[RouteCanaryCause]):
    """Finds the workloads that do not answer through their gateway."""

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.facts.by_source.get(CANARY), snapshot.pods_of)

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        for answer in _answers(snapshot).through:
            yield from self.holding(_route(snapshot, answer), answer.key)
