"""Workloads whose controller has not created the pods that are wanted, and the class of causes that read it.

By objects alone: controllers of most kinds write nothing into the status of their workload when pods are rejected, and
one that does not run writes nothing anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.subjects.pod_reports import REMEMBERED
from fleet.diagnosis.subjects.replica_groups import is_grouped, leading
from fleet.diagnosis.subjects.serving import pods_in, ready_pods
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.differences import are_same
from fleet.model.objects import FINISHED, Event, ObjectRef, Workload
from fleet.model.snapshot import Snapshot

_REJECTED = "FailedCreate"
_OTHERWISE = frozenset({"Pod", "Node", "HorizontalPodAutoscaler", "ScaledObject", "PersistentVolumeClaim", "Service"})
"""Kinds whose warnings say nothing about pods that are not created."""


class MissingPodsSubject(NamedTuple):
    """A workload with fewer pods than are wanted."""

    workload: Workload
    pods: int
    """Pods that exist and are not finished."""
    ready: int
    """Number of them that are ready and not being deleted."""
    answer: str
    """The API server's answer in the newest event FailedCreate; empty for none."""
    warned: str = ""
    """The newest other warning about it, or about what owns it, with its reason; empty for none."""


class MissingPodsCause(Cause[MissingPodsSubject]):
    """A cause at a workload whose pods are not created."""

    of = SubjectKind.PLACEMENT

    def subject(self, subjects: Subjects, key: str) -> MissingPodsSubject | None:
        snapshot, rejections = subjects.snapshot, subjects.made(_rejections)
        return None if snapshot is None else missing_pods_subject(snapshot, key, rejections or ())


def missing_pods_subject(snapshot: Snapshot, key: str, rejections: Sequence[Event]) -> MissingPodsSubject | None:
    """Return the subject of a workload that lacks pods; None for others, and where its pods are not all known.

    Of a replica that is a group of pods only the pod that leads it is counted: it comes first. ``rejections``: those
    of the whole fleet.
    """
    found = snapshot.workloads.get(key)
    if found is None or not _may_lack(snapshot, key, found) or not snapshot.coverage.sees("pods", found.namespace):
        return None
    there = leading(found, (pod for pod in pods_in(snapshot, key) if pod.phase not in FINISHED))
    if there is None:
        return None
    answer, warned = _rejection_message(snapshot, found, rejections), _warned(found, rejections)
    return MissingPodsSubject(found, len(there), len(ready_pods(there)), answer, warned)


class MissingPods(CauseSearch[MissingPodsCause]):
    """Finds workloads whose pods are not created; which may lack some is worked out where objects change."""

    def __init__(self, causes: Sequence[MissingPodsCause]) -> None:
        super().__init__(causes)
        self._of: tuple[object, ...] = ()
        self._lacking: Sequence[str] = ()

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.workloads, snapshot.pods_of, snapshot.pods, snapshot.events)

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        of = (snapshot.workloads, snapshot.pods_of, snapshot.pods)
        if not are_same(self._of, of):
            workloads = snapshot.workloads.items()
            self._of, self._lacking = of, [key for key, one in workloads if _may_lack(snapshot, key, one)]
        # A fleet has thousands of events: they are searched once, not once for each workload.
        rejections = _rejections(snapshot) if self._lacking else ()
        for key in self._lacking:
            yield from self.holding(missing_pods_subject(snapshot, key, rejections), key)


def _may_lack(snapshot: Snapshot, key: str, workload: Workload) -> bool:
    if len(snapshot.pods_of.get(key, ())) < workload.desired:
        return True
    there = leading(workload, pods_in(snapshot, key)) if is_grouped(workload) else None
    return there is not None and len(there) < workload.desired


def _rejections(snapshot: Snapshot) -> Sequence[Event]:
    """Return the events of pods that were rejected lately, and the other warnings about what makes pods."""
    recent = (event for event in snapshot.events if snapshot.at - event.last <= REMEMBERED)
    return [
        event
        for event in recent
        if event.reason == _REJECTED or (event.type == "Warning" and event.involved.kind not in _OTHERWISE)
    ]


def _warned(workload: Workload, warnings: Sequence[Event]) -> str:
    """Return the newest warning other than a rejection about a workload, its owner or an object of its name."""
    names = {workload.name} | ({workload.owner.name} if workload.owner is not None else set())
    mine = (
        event
        for event in warnings
        if event.reason != _REJECTED
        and event.involved.namespace == workload.namespace
        and event.involved.name in names
        # Policy engines report what a policy would refuse (PolicyViolation), not what was refused.
        and "Policy" not in event.reason
    )
    newest = max(mine, key=lambda event: event.last, default=None)
    return "" if newest is None else f"{newest.reason}: {newest.message}"


def _rejection_message(snapshot: Snapshot, workload: Workload, rejections: Sequence[Event]) -> str:
    """Return the message of the newest rejection of one of its pods, as its controller or its ReplicaSet reports it."""
    mine = (
        event
        for event in rejections
        if event.reason == _REJECTED
        and event.involved.namespace == workload.namespace
        and _is_of(snapshot, workload, event.involved)
    )
    newest = max(mine, key=lambda event: event.last, default=None)
    return "" if newest is None else newest.message


def _is_of(snapshot: Snapshot, workload: Workload, involved: ObjectRef) -> bool:
    """True if an event is about a workload, or about a link (a ReplicaSet) that its name says is its.

    A workload of its own may have such a name, too: ``chat-prefill`` beside ``chat``.
    """
    if (involved.kind, involved.name) == (workload.kind, workload.name):
        return True
    own = f"{involved.namespace}/{involved.kind}/{involved.name}"
    named = workload.name in (involved.name, involved.name.rpartition("-")[0])
    return named and involved.kind not in _OTHERWISE and own not in snapshot.workloads
