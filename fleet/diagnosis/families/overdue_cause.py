"""Pods that are overdue: how long one has been in transition, which no change of its row shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from fleet.diagnosis.cause_search import AGAIN, SearchByKey
from fleet.diagnosis.onset import DatedCause
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.objects import FINISHED, Pod
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot

ENDS = 30.0
"""Seconds beyond its grace after which a deleted pod is late: the kubelet kills at its end, and reports at once."""
_OF_ENDS = frozenset({"FailedKillPod", "FailedPreStopHook", "ExceededGracePeriod"})
_ADMITTED = "Workload"
"""Kind of the objects in which Kueue admits pods; each is named after its pod."""


class TimedPod(NamedTuple):
    """A pod that is on its way."""

    pod: Pod
    began: float
    """End of its grace (Unix) where it is being deleted; else since when it has not been ready, or has existed."""
    now: float
    message: str = ""
    """Words of an event about a deleted pod that the kubelet cannot end, or about a gated one; empty for none."""
    reads: float = math.nan
    """Prompt tokens per second that its engine reads while it is being deleted; NaN for not measured."""

    @property
    def overdue(self) -> float:
        """Seconds since then."""
        return self.now - self.began


class OverdueCause(DatedCause[TimedPod]):
    """A cause at a pod that takes too long."""

    of = SubjectKind.POD

    def subject(self, subjects: Subjects, key: str) -> TimedPod | None:
        return None if subjects.snapshot is None else _timed(subjects.snapshot, key)


def _timed(snapshot: Snapshot, key: str) -> TimedPod | None:
    pod = snapshot.pods.get(key)
    if pod is None:
        return None
    unready = next((one.since for one in pod.conditions if one.type == "Ready" and one.status == "False"), None)
    began = pod.deleted if pod.deleted is not None else (unready or pod.created)
    reads = math.nan if pod.deleted is None else snapshot.by_pod.value(key, Quantity.PROMPT_TOKENS)
    return TimedPod(pod, began, snapshot.at, _event_words(snapshot, pod) if began + ENDS < snapshot.at else "", reads)


def _event_words(snapshot: Snapshot, pod: Pod) -> str:
    """Return what the newest event says of the end of a deleted pod, or of what admits a gated one."""
    if pod.deleted is not None:
        mine = (one for one in snapshot.events if one.involved_uid == pod.uid and one.reason in _OF_ENDS)
    elif is_gated(pod):
        mine = (
            one
            for one in snapshot.events
            if one.involved.kind == _ADMITTED and one.namespace == pod.namespace and pod.name in one.involved.name
        )
    else:
        return ""
    newest = max(mine, key=lambda one: one.last, default=None)
    return "" if newest is None else f"{newest.reason}: {newest.message}"


def is_gated(pod: Pod) -> bool:
    """True if a pod is not released to the scheduler."""
    return any(one.type == "PodScheduled" and one.reason == "SchedulingGated" for one in pod.conditions)


class OverduePods(SearchByKey[OverdueCause]):
    """Finds pods that take too long. Which are on their way is worked out where pods change."""

    least: ClassVar[float] = AGAIN

    def __init__(self, causes: Sequence[OverdueCause]) -> None:
        super().__init__(causes)
        self._pods: Mapping[str, Pod] = {}
        self._waiting: Sequence[str] = ()

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.pods,)

    def keys(self, snapshot: Snapshot) -> Sequence[str]:
        if self._pods is not snapshot.pods:
            self._pods = snapshot.pods
            self._waiting = [key for key, pod in snapshot.pods.items() if _is_on_its_way(pod)]
        return self._waiting

    def is_there(self, snapshot: Snapshot, key: str) -> bool:
        return key in snapshot.pods


def _is_on_its_way(pod: Pod) -> bool:
    return pod.deleted is not None or not (pod.ready or pod.phase in FINISHED)
