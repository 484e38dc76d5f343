"""Remains of a workload that does not exist any more: its autoscaler, its Services.

To delete a workload is nobody's mistake. What still points at it shows that it was not meant, or not finished.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import SearchByKey
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.objects import HorizontalPodAutoscaler
from fleet.model.snapshot import Snapshot


class LeftoverSubject(NamedTuple):
    """A workload that is not there, and what points at it."""

    key: str
    autoscaler: HorizontalPodAutoscaler | None
    services: Sequence[str]
    """Services that selected its pods while it was there."""

    @property
    def name(self) -> str:
        """Kind and name of the workload: ``Deployment chat``."""
        return " ".join(self.key.split("/")[1:])


class LeftServiceCause(Cause[LeftoverSubject]):
    """A cause at a workload that is gone, and whose Services are not."""

    of: ClassVar[SubjectKind] = SubjectKind.SERVICE

    def subject(self, subjects: Subjects, key: str) -> LeftoverSubject | None:
        return None if subjects.snapshot is None else leftover_subject(subjects.snapshot, key)


class LeftAutoscalerCause(Cause[LeftoverSubject]):
    """A cause at an autoscaler without a workload."""

    of: ClassVar[SubjectKind] = SubjectKind.AUTOSCALER

    def subject(self, subjects: Subjects, key: str) -> LeftoverSubject | None:
        return None if subjects.snapshot is None else leftover_subject(subjects.snapshot, key)


def leftover_subject(snapshot: Snapshot, key: str) -> LeftoverSubject | None:
    """Return what points at a workload that is not there; None for one that is, and where that is not known."""
    if key in snapshot.workloads or key in snapshot.parts:
        return None
    return LeftoverSubject(key, snapshot.autoscalers.get(key), snapshot.empty_services.get(key, ()))


class LeftServices(SearchByKey[LeftServiceCause]):
    """Finds the Services of workloads that are gone."""

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.empty_services, snapshot.autoscalers, snapshot.workloads, snapshot.parts)

    def keys(self, snapshot: Snapshot) -> Iterable[str]:
        return _gone(snapshot, snapshot.empty_services)


class LeftAutoscalers(SearchByKey[LeftAutoscalerCause]):
    """Finds the autoscalers of workloads that are gone."""

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.autoscalers, snapshot.empty_services, snapshot.workloads, snapshot.parts)

    def keys(self, snapshot: Snapshot) -> Iterable[str]:
        return _gone(snapshot, snapshot.autoscalers)


def _gone(snapshot: Snapshot, keys: Iterable[str]) -> Iterable[str]:
    return (key for key in keys if key not in snapshot.workloads and key not in snapshot.parts)
