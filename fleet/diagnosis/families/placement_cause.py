"""Workloads that lost pods together with something else: a node, or to a pod of higher priority."""

from __future__ import annotations

from collections.abc import Iterable

from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import SearchByKey
from fleet.diagnosis.subjects.serving import PlacementSubject, placement_subject
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.snapshot import Snapshot


class PlacementCause(Cause[PlacementSubject]):
    """A cause at a workload that lost pods together with something else."""

    of = SubjectKind.PLACEMENT

    def subject(self, subjects: Subjects, key: str) -> PlacementSubject | None:
        return None if subjects.snapshot is None else placement_subject(subjects.snapshot, key)


class LostPlaces(SearchByKey[PlacementCause]):
    """Finds the workloads that lost pods in this way."""

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.departed, snapshot.workloads, snapshot.pods)

    def keys(self, snapshot: Snapshot) -> Iterable[str]:
        return snapshot.departed
