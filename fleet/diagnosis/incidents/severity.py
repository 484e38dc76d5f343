"""Severity and words of a cause at an object, recomputed only where they may have changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from fleet.diagnosis.cause import AnyCause, MetricsCause, SameWords, Stage
from fleet.diagnosis.families.canary_cause import CanaryCause
from fleet.diagnosis.families.overdue_cause import OverdueCause
from fleet.diagnosis.incidents.finding_words import is_assessment, is_later
from fleet.diagnosis.subjects.scrape_answers import scrape_problem
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot


class RatedCause(NamedTuple):
    """Severity and words of one cause at one object."""

    severity: Severity
    words: str
    """Empty for words that are built later."""
    of: object
    """Input of the words: while it is unchanged, so are they; None if they never change."""


class Severities:
    """Computes the severity and the words of causes from the numbers of one Snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.subjects = Subjects.of(snapshot)
        self._serious: dict[str, Collection[str]] = {}

    def rate(self, cause: AnyCause, key: str, before: RatedCause | None) -> RatedCause:
        """Return severity and words of a cause at an object: the same object as before if unchanged."""
        if isinstance(cause, MetricsCause):
            return self._of_row(cause, key, before)
        return _of_object(self._snapshot, self.subjects, cause, key, before)

    def ground(self, cause: AnyCause) -> object:
        """Return the only input of a cause's words at all objects; None if there are further inputs."""
        if isinstance(cause, MetricsCause) and (is_later(cause) or isinstance(cause.words, SameWords)):
            return self._serious_keys(cause)
        return self._snapshot.assessments if is_assessment(cause) else None

    def _of_row(self, cause: MetricsCause, key: str, before: RatedCause | None) -> RatedCause:
        serious = bool(cause.serious) and key in self._serious_keys(cause)
        severity = Severity.CRITICAL if serious else cause.severity
        if is_later(cause):
            return before if before is not None and before.severity is severity else RatedCause(severity, "", None)
        reasons = self._snapshot.throttle_reasons.get(key, ()) if cause.of is SubjectKind.GPU else ()
        if before is not None and before.severity is severity and before.of == reasons:
            return before
        return RatedCause(severity, cause.assessed(self.subjects, key).reason, reasons)

    def _serious_keys(self, cause: MetricsCause) -> Collection[str]:
        """Return the keys of the objects for which it is critical, column by column, as found."""
        found = self._serious.get(cause.id)
        if found is None:
            table = self.subjects.engines if cause.of is SubjectKind.ENGINE else self.subjects.gpus
            found = frozenset(table.frame.keys[row] for row in cause.serious_rows(table))
            self._serious[cause.id] = found
        return found


def asks(cause: AnyCause) -> bool:
    """True if its severity or words may change while it holds."""
    if cause.of is SubjectKind.GPU:
        return bool(cause.serious) or not is_later(cause)
    if cause.of is SubjectKind.POD or is_assessment(cause):
        return True
    return bool(cause.serious) or not (
        cause.of in (SubjectKind.ENGINE, SubjectKind.REPLICA) or isinstance(cause.words, SameWords)
    )


def _of_object(
    snapshot: Snapshot, subjects: Subjects, cause: AnyCause, key: str, before: RatedCause | None
) -> RatedCause:
    match cause.of:
        case SubjectKind.WORKLOAD | SubjectKind.NODE if not cause.beside:
            severity = snapshot.assessments[key].severity
            return before if before is not None and before.severity is severity else RatedCause(severity, "", None)
        case SubjectKind.POD:
            return _of_pod(snapshot, subjects, cause, key, before)
        case _:
            stands = cause.assessed(subjects, key)
            return RatedCause(stands.severity, stands.reason, None)


def _of_pod(snapshot: Snapshot, subjects: Subjects, cause: AnyCause, key: str, before: RatedCause | None) -> RatedCause:
    """Severity for a pod: one missing replica of many affects nobody while the others carry its load."""
    pod = snapshot.pods[key]
    away = cause.stage < Stage.MEASURING or isinstance(cause, CanaryCause)
    spared = away and _others_carry(snapshot, subjects, snapshot.workload_of.get(key, ""))
    of: tuple[object, ...] = (pod, spared, scrape_problem(snapshot.unanswered, key) if snapshot.unanswered else "")
    # How long a pod is overdue changes without a change of its row.
    same = before is not None and not isinstance(cause, OverdueCause)
    if same and before is not None and isinstance(before.of, tuple) and before.of[0] is pod and before.of[1:] == of[1:]:
        return before
    stands = cause.assessed(subjects, key)
    severity = Severity.WARNING if spared and stands.severity is Severity.CRITICAL else stands.severity
    return RatedCause(severity, stands.reason, of)


def _others_carry(snapshot: Snapshot, subjects: Subjects, workload: str) -> bool:
    """True if a workload serves without its missing replicas, though it may be critical for what happens in another."""
    whole = snapshot.assessments.get(workload)
    if whole is None or whole.severity is not Severity.CRITICAL:
        return whole is not None
    seen = subjects.workload(workload)
    return seen is not None and (seen.workload.desired - seen.serving) * 2 < seen.workload.desired
