"""Pods of which only events tell something.

Events do not affect the assessment of a pod: they come late, get lost, and are repeated. They are read again when they
change, and occasionally, since they expire.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.subjects.pod_reports import PodReports, Reported, beside, is_beside, reports_of
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.objects import FINISHED, Event
from fleet.model.snapshot import Snapshot

READ_AGAIN: Final = 30.0
"""Seconds after which unchanged events are read again, because some of them have expired."""


class ReportedCause(Cause[PodReports]):
    """A cause at a pod that only its events show, not its status."""

    of = SubjectKind.POD

    def subject(self, subjects: Subjects, key: str) -> PodReports | None:
        snapshot = subjects.snapshot
        pod = None if snapshot is None else snapshot.pods.get(key)
        return None if snapshot is None or pod is None else reports_of(pod, snapshot.events, snapshot.at)


class PodsInEvents(CauseSearch[ReportedCause]):
    """Finds pods whose events report a cause."""

    again: ClassVar[float] = READ_AGAIN

    def __init__(self, causes: Sequence[ReportedCause]) -> None:
        super().__init__(causes)
        signs = (sign for cause in causes for sign in cause.must if isinstance(sign, Reported))
        self._reasons = frozenset(reason for sign in signs for reason in sign.reasons)

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.events, snapshot.pods)

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        by_uid: dict[str, list[Event]] = {}
        by_object: dict[tuple[str, str, str], list[Event]] = {}
        keys: dict[str, None] = {}
        for event in snapshot.events:
            if event.involved.kind == "Pod":
                by_uid.setdefault(event.involved_uid, []).append(event)
                key = f"{event.involved.namespace}/{event.involved.name}"
                if event.reason in self._reasons or (event.type == "Warning" and _is_away(snapshot, key)):
                    keys[key] = None
            elif event.reason in self._reasons and is_beside(event):
                by_object.setdefault(event.involved[:3], []).append(event)
        for key, one in snapshot.pods.items() if by_object else ():
            if not one.ready and not by_object.keys().isdisjoint(beside(one)):
                keys[key] = None
        for key in keys:
            pod = snapshot.pods.get(key)
            if pod is None or pod.deleted is not None or pod.phase in FINISHED:
                continue
            others = [event for place in beside(pod) for event in by_object.get(place, ())] if by_object else ()
            yield from self.holding(reports_of(pod, [*by_uid.get(pod.uid, ()), *others], snapshot.at), key)


def _is_away(snapshot: Snapshot, pod: str) -> bool:
    return pod in snapshot.pods and not snapshot.pods[pod].ready
