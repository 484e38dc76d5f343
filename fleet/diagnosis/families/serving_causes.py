"""Causes for serving workloads, by class: compared with their past, their Services, one GPU of several."""

from __future__ import annotations

from typing import ClassVar

from fleet.dataclass import dataclass
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.signs.peers import PeerSign
from fleet.diagnosis.subjects.serving import (
    FrontSubject,
    PlacementSubject,
    TrafficSubject,
    front_subject,
    placement_subject,
    traffic_subject,
)
from fleet.diagnosis.subjects.subject import Replica, Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.snapshot import Snapshot


class TrafficCause(Cause[TrafficSubject]):
    """A cause at the traffic of a workload."""

    of = SubjectKind.TRAFFIC

    def subject(self, subjects: Subjects, key: str) -> TrafficSubject | None:
        return None if subjects.snapshot is None else traffic_subject(subjects.snapshot, key)


class ServiceCause(Cause[FrontSubject]):
    """A cause at the Services in front of a workload."""

    of = SubjectKind.SERVICE

    def subject(self, subjects: Subjects, key: str) -> FrontSubject | None:
        return None if subjects.snapshot is None else front_subject(subjects.snapshot, key)


class PlacementCause(Cause[PlacementSubject]):
    """A cause at a workload that lost pods together with something else."""

    of = SubjectKind.PLACEMENT

    def subject(self, subjects: Subjects, key: str) -> PlacementSubject | None:
        return None if subjects.snapshot is None else placement_subject(subjects.snapshot, key)


@dataclass(frozen=True, kw_only=True)
class GroupedGpuCause(Cause[Replica]):
    """A cause at a GPU, by its numbers compared with those of the pod's other GPUs."""

    of: ClassVar[SubjectKind] = SubjectKind.GPU
    must: tuple[PeerSign, ...]

    def subject(self, subjects: Subjects, key: str) -> Replica | None:
        return None if subjects.snapshot is None else gpu_among(subjects.snapshot, key)


def gpu_among(snapshot: Snapshot, key: str) -> Replica | None:
    """Return a GPU among those of the pod that holds it; None if the pod has no other."""
    found, frame = snapshot.gpus.get(key), snapshot.by_gpu
    at = frame.index.get(key)
    if found is None or at is None:
        return None
    held = (snapshot.gpus_of.get(f"{namespace}/{name}", ()) for namespace, name in found.holders)
    rows = next((rows for one in held if at in (rows := frame.rows(one))), [])
    return Replica(frame, at, rows, snapshot.profiles.default) if len(rows) > 1 else None
