"""Causes at the setup of workloads, and the search for them.

Checked occasionally: no setup changes within seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import READ_AGAIN, ActiveCause
from fleet.diagnosis.onset import DatedCause
from fleet.diagnosis.subjects.setup_subject import SetupSubject, setup_subject
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.differences import are_same
from fleet.model.snapshot import Snapshot

SAME_AGAIN = 300.0
"""Seconds after which pods that are the same are looked at again: they have become older."""


@dataclass(frozen=True, kw_only=True)
class SetupCause(DatedCause[SetupSubject]):
    """A cause at a workload as it is set up."""

    of: ClassVar[SubjectKind] = SubjectKind.SETUP

    def subject(self, subjects: Subjects, key: str) -> SetupSubject | None:
        return None if subjects.snapshot is None else setup_subject(subjects.snapshot, key)


class Setups:
    """Finds workloads that are set up so that something is wrong with it."""

    def __init__(self, causes: Sequence[SetupCause]) -> None:
        self._causes = causes
        self._of: tuple[object, ...] = ()
        self._read = -math.inf
        self._found: Sequence[ActiveCause] = ()

    def at(self, snapshot: Snapshot) -> Sequence[ActiveCause]:
        """Return the causes that hold of workloads: the same object until they are looked for again.

        Without a promise nothing of it depends on numbers: then the same pods are looked at again only for their age.
        """
        of = (snapshot.pods, snapshot.workloads, snapshot.model_of)
        same = are_same(self._of, of) and not snapshot.promised
        if not 0 <= snapshot.at - self._read < (SAME_AGAIN if same else READ_AGAIN):
            self._found, self._read, self._of = list(self._holding(snapshot)), snapshot.at, of
        return [one for one in self._found if one.key in snapshot.workloads] if self._found else self._found

    def _holding(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        for key in snapshot.model_of:
            seen = setup_subject(snapshot, key)
            if seen is None:
                continue
            for cause in self._causes:
                if cause.holds(seen):
                    yield ActiveCause(cause, key)
