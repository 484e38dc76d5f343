"""Causes at the setup of workloads, and the search for them.

Checked occasionally: no setup changes within seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from fleet.dataclass import dataclass
from fleet.diagnosis.cause_search import SearchByKey
from fleet.diagnosis.families.reported_cause import READ_AGAIN
from fleet.diagnosis.onset import DatedCause
from fleet.diagnosis.subjects.setup_subject import SetupSubject, setup_subject
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.snapshot import Snapshot

SAME_AGAIN = 300.0
"""Seconds after which pods that are the same are looked at again: they have become older."""


@dataclass(frozen=True, kw_only=True)
class SetupCause(DatedCause[SetupSubject]):
    """A cause at a workload as it is set up."""

    of: ClassVar[SubjectKind] = SubjectKind.SETUP

    def subject(self, subjects: Subjects, key: str) -> SetupSubject | None:
        return None if subjects.snapshot is None else setup_subject(subjects.snapshot, key)


class FaultySetups(SearchByKey[SetupCause]):
    """Finds workloads that are set up so that something is wrong with it.

    Without a promise nothing of it depends on numbers: then the same pods are looked at again only for their age.
    """

    least: ClassVar[float] = READ_AGAIN
    again: ClassVar[float] = SAME_AGAIN

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        numbers = snapshot.by_pod.columns if snapshot.promised else None
        return (snapshot.pods, snapshot.workloads, snapshot.model_of, numbers)

    def keys(self, snapshot: Snapshot) -> Iterable[str]:
        return snapshot.model_of

    def is_there(self, snapshot: Snapshot, key: str) -> bool:
        return key in snapshot.workloads
