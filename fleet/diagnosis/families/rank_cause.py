"""Ranks of one engine compared with each other: the sums of their pod hide one that hangs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import SearchByKey
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.column_search import rows_of_zero
from fleet.model.differences import are_same
from fleet.model.frame import Frame
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot


class RankedPod(NamedTuple):
    """A pod that runs several engines (data-parallel ranks), by the numbers of each."""

    frame: Frame
    rows: Sequence[int]
    """Rows of its engines whose numbers are fresh."""

    @property
    def hung(self) -> Sequence[int]:
        """Rows of ranks that run several requests and make no token between two scrapes, while another rank does."""
        tokens = self.frame.values(self.rows, Quantity.LATEST_TOKENS)
        running = self.frame.values(self.rows, Quantity.RUNNING)
        if not any(made > 0 for made in tokens):
            return ()
        # One request alone may be a long prompt that is being read.
        return [row for row, made, runs in zip(self.rows, tokens, running, strict=True) if made == 0 and runs >= 2]

    @property
    def hung_requests(self) -> float:
        """Requests that run in those ranks."""
        return sum(self.frame.values(self.hung, Quantity.RUNNING))


class RankCause(Cause[RankedPod]):
    """A cause at some of the ranks of a pod; the key is the pod's."""

    of = SubjectKind.REPLICA

    def subject(self, subjects: Subjects, key: str) -> RankedPod | None:
        return None if subjects.snapshot is None else _ranked(subjects.snapshot, key)


class HungRanks(SearchByKey[RankCause]):
    """Finds pods some of whose ranks hang. The groups are kept while they are the same."""

    def __init__(self, causes: Sequence[RankCause]) -> None:
        super().__init__(causes)
        self._of: tuple[object, ...] = ()
        self._groups: Sequence[tuple[str, Sequence[int]]] = ()

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.by_engine.columns, snapshot.engines_of, snapshot.pods)

    def keys(self, snapshot: Snapshot) -> Iterator[str]:
        frame = snapshot.by_engine
        of = (snapshot.engines_of, frame.index)
        if not are_same(self._of, of):
            self._of = of
            several = ((key, engines) for key, engines in snapshot.engines_of.items() if len(engines) > 1)
            self._groups = [(key, frame.rows(engines)) for key, engines in several]
        column = frame.columns.get(Quantity.LATEST_TOKENS) if self._groups else None
        still = frozenset(rows_of_zero(column.values)) if column is not None else frozenset[int]()
        return (key for key, rows in self._groups if not still.isdisjoint(rows))


def _ranked(snapshot: Snapshot, key: str) -> RankedPod | None:
    engines, frame, pod = snapshot.engines_of.get(key, ()), snapshot.by_engine, snapshot.pods.get(key)
    if len(engines) < 2 or pod is None or not pod.ready:
        return None
    rows = [row for row in frame.rows(engines) if row >= 0 and frame.states[row] < State.STALE]
    return RankedPod(frame, rows) if len(rows) > 1 else None
