"""Autoscalers that cannot do what they are there for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.precedence import Precedence
from fleet.diagnosis.subjects.autoscaler_subject import AutoscalerSubject
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.snapshot import Snapshot


class AutoscalerCause(Cause[AutoscalerSubject]):
    """A cause at the autoscaler of a workload."""

    of = SubjectKind.AUTOSCALER
    prolongs = True

    def subject(self, subjects: Subjects, key: str) -> AutoscalerSubject | None:
        return subjects.autoscaler(key)


class TroubledAutoscalers(CauseSearch[AutoscalerCause]):
    """Finds the autoscalers of workloads: of each, the cause that is reported."""

    def __init__(self, causes: Sequence[AutoscalerCause]) -> None:
        super().__init__(causes)
        self._first = Precedence[AutoscalerSubject](causes)

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        scaled = (snapshot.autoscalers, snapshot.rescaled, snapshot.workloads)
        return (*scaled, snapshot.pods, snapshot.events, snapshot.by_pod.columns)

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        subjects = Subjects.of(snapshot)
        for key in snapshot.autoscalers:
            seen = subjects.autoscaler(key)
            cause = None if seen is None else self._first.first(seen)
            if cause is not None:
                yield ActiveCause(cause, key)
