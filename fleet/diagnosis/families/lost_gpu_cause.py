"""Nodes with GPUs that their exporter no longer lists, although it still lists the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import SearchByKey
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.measurement import GpuId
from fleet.model.snapshot import Snapshot


class LostGpus(NamedTuple):
    """A node, and the GPUs of it that are missing."""

    missing: Sequence[GpuId]
    listed: int
    """GPUs of the node that are listed."""


class LostGpuCause(Cause[LostGpus]):
    """A cause at a node whose exporter lists fewer GPUs than before."""

    of: ClassVar[SubjectKind] = SubjectKind.NODE
    beside: ClassVar[bool] = True

    def subject(self, subjects: Subjects, key: str) -> LostGpus | None:
        snapshot = subjects.snapshot
        return None if snapshot is None else lost_gpus(snapshot, key)


def lost_gpus(snapshot: Snapshot, node: str) -> LostGpus:
    """Return the GPUs that are missing on a node."""
    return LostGpus(snapshot.lost_gpus.get(node, ()), len(snapshot.gpus_on.get(node, ())))


class NodesWithLostGpus(SearchByKey[LostGpuCause]):
    """Finds the nodes whose exporter lists fewer GPUs than before."""

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.lost_gpus, snapshot.gpus_on)

    def keys(self, snapshot: Snapshot) -> Iterable[str]:
        return snapshot.lost_gpus
