"""Workloads whose traffic is not what it usually is."""

from __future__ import annotations

from collections.abc import Iterable

from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import SearchByKey
from fleet.diagnosis.subjects.serving import TrafficSubject, traffic_subject, unusual
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.snapshot import Snapshot


class TrafficCause(Cause[TrafficSubject]):
    """A cause at the traffic of a workload."""

    of = SubjectKind.TRAFFIC

    def subject(self, subjects: Subjects, key: str) -> TrafficSubject | None:
        return None if subjects.snapshot is None else traffic_subject(subjects.snapshot, key)


class UnusualTraffic(SearchByKey[TrafficCause]):
    """Finds workloads by their traffic: with each point of history, which it is compared with."""

    def pause(self, snapshot: Snapshot, *, is_new: bool) -> float:
        # Numbers that come a moment before their step is over need not wait for the next ones.
        return snapshot.history.step - is_new

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.workloads, snapshot.by_workload.columns)

    def keys(self, snapshot: Snapshot) -> Iterable[str]:
        return unusual(snapshot)

    def is_there(self, snapshot: Snapshot, key: str) -> bool:
        return key in snapshot.workloads
