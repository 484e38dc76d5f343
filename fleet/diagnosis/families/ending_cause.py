"""Containers that ended, by what they wrote before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.subjects.subject import EndedSubject, Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.snapshot import Snapshot


class EndingCause(Cause[EndedSubject]):
    """A cause at a pod, by what one of its containers wrote before it ended."""

    of = SubjectKind.POD

    def subject(self, subjects: Subjects, key: str) -> EndedSubject | None:
        return subjects.ended(key)


def ending_causes(
    snapshot: Snapshot, ended: Iterable[str], by_reason: Mapping[str, EndingCause]
) -> Iterator[ActiveCause]:
    """Yield why the containers of pods ended, where their logs say so; ``by_reason``: by the reason in the log."""
    subjects = Subjects.of(snapshot)
    for key in ended:
        seen = subjects.ended(key)
        cause = None if seen is None else by_reason.get(seen.words.reason)
        if cause is not None:
            yield ActiveCause(cause, key)
