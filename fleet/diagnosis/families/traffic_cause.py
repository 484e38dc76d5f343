"""Workloads whose traffic is not what it usually is."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.subjects.serving import TrafficSubject, traffic_subject, unusual
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.snapshot import Snapshot


class TrafficCause(Cause[TrafficSubject]):
    """A cause at the traffic of a workload."""

    of = SubjectKind.TRAFFIC

    def subject(self, subjects: Subjects, key: str) -> TrafficSubject | None:
        return None if subjects.snapshot is None else traffic_subject(subjects.snapshot, key)


class UnusualTraffic(CauseSearch[TrafficCause]):
    """Finds workloads by their traffic: with each point of history, which it is compared with."""

    def pause(self, snapshot: Snapshot, *, is_new: bool) -> float:
        del is_new
        return snapshot.history.step

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.workloads,)

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        for key, now in unusual(snapshot):
            subject = traffic_subject(snapshot, key, now)
            if subject is not None:
                yield from (ActiveCause(one, key) for one in self.causes if one.holds(subject))

    def is_there(self, snapshot: Snapshot, key: str) -> bool:
        return key in snapshot.workloads
