"""Rollouts that cannot go on by themselves, and the search for them: by objects alone, kind by kind the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import SearchByKey
from fleet.diagnosis.subjects.serving import pods_in
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.objects import Pod, Workload, revision_of
from fleet.model.snapshot import Snapshot


class RolloutSubject(NamedTuple):
    """A workload that is not as its spec wants it to be."""

    workload: Workload
    holding: Sequence[Pod]
    """Pods of an older revision that are not ready, which its controller waits for before it replaces any."""
    age: float
    """Seconds since the newest of its pods was created; infinite for none."""

    @property
    def is_observed(self) -> bool | None:
        """True if its controller has seen its spec; None if it does not say."""
        seen = self.workload.observed
        return None if seen is None else seen >= self.workload.generation


class RolloutCause(Cause[RolloutSubject]):
    """A cause at a workload whose rollout does not go on."""

    of = SubjectKind.PLACEMENT

    def subject(self, subjects: Subjects, key: str) -> RolloutSubject | None:
        return None if subjects.snapshot is None else rollout_subject(subjects.snapshot, key)


def rollout_subject(snapshot: Snapshot, key: str) -> RolloutSubject | None:
    """Look at the rollout of a workload; None where there is nothing to do."""
    found = snapshot.workloads.get(key)
    if found is None or not _is_behind(found):
        return None
    newest = max((pod.created for pod in pods_in(snapshot, key)), default=-math.inf)
    return RolloutSubject(found, _holding(snapshot, key, found), snapshot.at - newest)


class StuckRollouts(SearchByKey[RolloutCause]):
    """Finds workloads whose rollout does not go on; which are behind is worked out where workloads change."""

    def __init__(self, causes: Sequence[RolloutCause]) -> None:
        super().__init__(causes)
        self._of: Mapping[str, Workload] = {}
        self._behind: Sequence[str] = ()

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.workloads, snapshot.pods)

    def keys(self, snapshot: Snapshot) -> Sequence[str]:
        if snapshot.workloads is not self._of:
            self._of = snapshot.workloads
            self._behind = [key for key, one in snapshot.workloads.items() if _is_behind(one)]
        return self._behind


def _is_behind(workload: Workload) -> bool:
    unseen = workload.observed is not None and workload.observed < workload.generation
    return (
        unseen
        or workload.paused
        or (workload.ordered and workload.updated < workload.desired and bool(workload.revision))
    )


def _holding(snapshot: Snapshot, key: str, workload: Workload) -> list[Pod]:
    if not workload.ordered or workload.strategy == "OnDelete":
        return []
    return [
        pod
        for pod in pods_in(snapshot, key)
        if not pod.ready and pod.deleted is None and pod.node and revision_of(pod) not in ("", workload.revision)
    ]
