"""Workloads of whose objects only events tell something: a Service, a route, what owns them, pods that are taken away.

Controllers write a warning each time they try again. One warning is a moment's; the same for minutes is a fault.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.families.reported_cause import READ_AGAIN
from fleet.diagnosis.onset import DatedCause
from fleet.diagnosis.subjects.pod_reports import REMEMBERED
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.objects import Event, Workload
from fleet.model.snapshot import Snapshot

TAKEN: Final = frozenset(
    {"EvictedByVPA", "Descheduled", "TaintManagerEviction", "RecreateGroup", "RecreatingGroup", "RestartGroup"}
)
"""Reasons of events with which a controller takes pods away that run: VPA, descheduler, taints, LeaderWorkerSet."""
_DESCHEDULER: Final = "by sigs.k8s.io/descheduler"
"""The end of the descheduler's message, whose reason is the name of one of its strategies."""
_OTHERWISE: Final = frozenset({"Node", "HorizontalPodAutoscaler", "PersistentVolumeClaim", "Pod"})
"""Kinds whose warnings are read by other causes."""


class WorkloadReports(NamedTuple):
    """A workload, and the recent events about its objects, newest first."""

    workload: Workload
    warnings: Sequence[Event]
    """Warnings about it, its owner, its Services and routes."""
    taken: Sequence[Event]
    """Events with which its pods were taken away."""
    at: float


@dataclass(frozen=True, kw_only=True)
class WorkloadReportCause(DatedCause[WorkloadReports]):
    """A cause at a workload that only events show."""

    of: ClassVar[SubjectKind] = SubjectKind.SERVICE
    beside: ClassVar[bool] = True

    def subject(self, subjects: Subjects, key: str) -> WorkloadReports | None:
        return (subjects.made(_by_workload) or {}).get(key)


class LastResortCause(WorkloadReportCause):
    """A cause that counts only where nothing else is found at its workload."""

    last_resort: ClassVar[bool] = True


class WorkloadsInEvents(CauseSearch[WorkloadReportCause]):
    """Finds the workloads of whose objects events tell something."""

    again: ClassVar[float] = READ_AGAIN

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.events, snapshot.workloads, snapshot.model_of)

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        for key, seen in _by_workload(snapshot).items():
            yield from self.holding(seen, key)


def _by_workload(snapshot: Snapshot) -> Mapping[str, WorkloadReports]:
    """The workloads that such events are about: of most fleets none."""
    recent = [event for event in snapshot.events if snapshot.at - event.last <= REMEMBERED]
    warned = [one for one in recent if one.type == "Warning" and one.involved.kind not in _OTHERWISE]
    taken = [one for one in recent if one.reason in TAKEN or one.message.endswith(_DESCHEDULER)]
    if not warned and not taken:
        return {}
    by_name: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, workload in snapshot.workloads.items():
        names = {workload.name} | ({workload.owner.name} if workload.owner is not None else set())
        for name in names if key in snapshot.model_of else ():
            by_name[workload.namespace, name].append(key)
    found: dict[str, tuple[list[Event], list[Event]]] = defaultdict(lambda: ([], []))
    for event in warned:
        for key in by_name.get((event.involved.namespace, event.involved.name), ()):
            found[key][0].append(event)
    for event in taken:
        for key in by_name.get((event.involved.namespace, _owner_of(event, by_name)), ()):
            found[key][1].append(event)
    return {
        key: WorkloadReports(snapshot.workloads[key], _newest_first(warnings), _newest_first(away), snapshot.at)
        for key, (warnings, away) in found.items()
    }


def _owner_of(event: Event, by_name: Mapping[tuple[str, str], Sequence[str]]) -> str:
    """Return the name of the workload of a pod that is gone: the longest that its own begins with."""
    namespace, name = event.involved.namespace, event.involved.name
    while name and (namespace, name) not in by_name:
        name = name.rpartition("-")[0]
    return name


def _newest_first(events: Iterable[Event]) -> Sequence[Event]:
    return sorted(events, key=lambda one: one.last, reverse=True)
