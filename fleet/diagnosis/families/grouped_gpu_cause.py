"""GPUs that differ from the others of their engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.families.replica_cause import PEERS_EVERY
from fleet.diagnosis.signs.peers import PeerSign
from fleet.diagnosis.subjects.subject import Replica, Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.differences import are_same
from fleet.model.frame import FrameLists, consecutive
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot

_STAGES: Final = re.compile(r"(?:--pipeline-parallel-size|--pp-size|-pp)(?:=|$)")
"""Arguments that give GPUs different layers."""


@dataclass(frozen=True, kw_only=True)
class GroupedGpuCause(Cause[Replica]):
    """A cause at a GPU, by its numbers compared with those of the pod's other GPUs."""

    of: ClassVar[SubjectKind] = SubjectKind.GPU
    must: tuple[PeerSign, ...]
    in_step: bool = False
    """True if only GPUs that work on the same requests are compared: ranks of data parallelism have their own."""

    def subject(self, subjects: Subjects, key: str) -> Replica | None:
        return None if subjects.snapshot is None else gpu_among(subjects.snapshot, key)


class OutlyingGpus(CauseSearch[GroupedGpuCause]):
    """Finds GPUs that differ from the others of their engine. The groups are kept while they are the same."""

    least: ClassVar[float] = PEERS_EVERY
    again: ClassVar[float] = PEERS_EVERY

    def __init__(self, causes: Sequence[GroupedGpuCause]) -> None:
        super().__init__(causes)
        self._of: tuple[object, ...] = ()
        self._groups: Sequence[tuple[Sequence[int], bool]] = ()

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.gpus,)

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        frame, profile = snapshot.by_gpu, snapshot.profiles.default
        of = (snapshot.gpus_of, snapshot.engines_of, snapshot.pods, frame.index)
        if not are_same(self._of, of):
            self._of = of
            self._groups = [
                (consecutive(frame.rows(held)), _is_in_step(snapshot, pod))
                for pod, held in snapshot.gpus_of.items()
                if len(held) > 1
            ]
        numbers = FrameLists(frame)
        for rows, in_step in self._groups:
            for cause in self.causes:
                if cause.in_step and not in_step:
                    continue
                for at in cause.must[0].among(numbers, rows, profile):
                    if frame.states[at] < State.STALE:
                        yield ActiveCause(cause, frame.keys[at])

    def is_there(self, snapshot: Snapshot, key: str) -> bool:
        return key in snapshot.gpus


def _is_in_step(snapshot: Snapshot, pod: str) -> bool:
    """True if the GPUs of a pod work on the same requests and the same layers at the same time."""
    found = snapshot.pods.get(pod)
    words = () if found is None else (word for one in found.containers for word in one.command)
    return len(snapshot.engines_of.get(pod, ())) < 2 and not any(_STAGES.match(word) for word in words)


def gpu_among(snapshot: Snapshot, key: str) -> Replica | None:
    """Return a GPU among those of the pod that holds it; None if the pod has no other."""
    found, frame = snapshot.gpus.get(key), snapshot.by_gpu
    at = frame.index.get(key)
    if found is None or at is None:
        return None
    held = (snapshot.gpus_of.get(f"{namespace}/{name}", ()) for namespace, name in found.holders)
    rows = next((rows for one in held if at in (rows := frame.rows(one))), [])
    return Replica(frame, at, rows, snapshot.profiles.default) if len(rows) > 1 else None
