"""Replicas that differ from their peers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.signs.peers import PeerSign
from fleet.diagnosis.subjects.comparable_rows import comparable_rows
from fleet.diagnosis.subjects.subject import Replica, Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.differences import are_same
from fleet.model.frame import FrameLists, consecutive
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot

PEERS_EVERY: Final = 15.0
"""Seconds between comparisons of peers: they change slowly, and a comparison visits all of them."""


@dataclass(frozen=True, kw_only=True)
class ReplicaCause(Cause[Replica]):
    """A cause at a replica, by its numbers compared with its peers'."""

    of: ClassVar[SubjectKind] = SubjectKind.REPLICA
    must: tuple[PeerSign, ...]
    needs: Quantity | None = None
    """Quantity without which there is nothing to compare; None if each engine has what it compares."""

    def subject(self, subjects: Subjects, key: str) -> Replica | None:
        return subjects.replica(key)


class Outliers(CauseSearch[ReplicaCause]):
    """Finds replicas that differ from their peers. The rows that can be compared are kept while they are the same."""

    least: ClassVar[float] = PEERS_EVERY
    again: ClassVar[float] = PEERS_EVERY

    def __init__(self, causes: Sequence[ReplicaCause]) -> None:
        super().__init__(causes)
        self._of: tuple[object, ...] = ()
        self._states = b""
        self._rows: Mapping[str, Sequence[int]] = {}

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.pods,)

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        frame = snapshot.by_pod
        numbers = FrameLists(frame)
        causes = [one for one in self.causes if one.needs is None or one.needs in frame.columns]
        for workload, rows in self._comparable(snapshot).items():
            profile = snapshot.profiles.of(workload)
            for cause in causes:
                for at in cause.must[0].among(numbers, rows, profile):
                    replica = Replica(frame, at, rows, profile)
                    if all(sign.holds(replica) for sign in cause.must[1:]) and not cause.excluded(replica):
                        yield ActiveCause(cause, frame.keys[at])

    def is_there(self, snapshot: Snapshot, key: str) -> bool:
        return key in snapshot.pods

    def _comparable(self, snapshot: Snapshot) -> Mapping[str, Sequence[int]]:
        frame = snapshot.by_pod
        of = (snapshot.pods, snapshot.pods_of, snapshot.model_of, frame.index)
        if frame.states != self._states or not are_same(self._of, of):
            found = {key: comparable_rows(snapshot, frame, key) for key in snapshot.model_of}
            self._rows = {key: consecutive(rows) for key, rows in found.items() if len(rows) > 1}
            self._of, self._states = of, frame.states
        return self._rows
