"""Services that lead to no pod of their workload."""

from __future__ import annotations

from collections.abc import Iterable

from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import SearchByKey
from fleet.diagnosis.subjects.serving import FrontSubject, front_subject
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.snapshot import Snapshot


class ServiceCause(Cause[FrontSubject]):
    """A cause at the Services in front of a workload."""

    of = SubjectKind.SERVICE

    def subject(self, subjects: Subjects, key: str) -> FrontSubject | None:
        return None if subjects.snapshot is None else front_subject(subjects.snapshot, key)


class BrokenServices(SearchByKey[ServiceCause]):
    """Finds the workloads whose Services lead nowhere."""

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        services = (snapshot.empty_services, snapshot.dead_services, snapshot.mixed_services)
        return (*services, snapshot.workloads, snapshot.pods)

    def keys(self, snapshot: Snapshot) -> Iterable[str]:
        return {**snapshot.empty_services, **snapshot.dead_services, **snapshot.mixed_services}
