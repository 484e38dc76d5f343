"""Severity and words of a cause at an object, asked for again only where they may be otherwise."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from fleet.diagnosis.cause import AnyCause, MetricsCause, Of, Stage
from fleet.diagnosis.finding_words import is_later
from fleet.diagnosis.subject import Subjects
from fleet.model.snapshot import Severity, Snapshot


class Said(NamedTuple):
    """Severity and words of one cause at one object."""

    severity: Severity
    words: str
    """Empty for those that are left for later."""
    of: object
    """Input of the words: while it is the same, so are they; None where it never changes."""


Tell = Callable[[AnyCause, str, Said | None], Said]
"""(Cause, key, what was said of it before): the same object where it is said again."""


class Severities:
    """Tells by the numbers of one Snapshot after the other."""

    def __init__(self) -> None:
        self._asks: dict[str, bool] = {}

    def at(self, snapshot: Snapshot) -> Tell:
        """Return the function that tells by a Snapshot."""
        known, serious = self._asks, dict[str, Collection[int]]()
        subjects = Subjects.of(snapshot)

        def said(cause: AnyCause, key: str, before: Said | None) -> Said:
            ask = known.get(cause.id)
            if ask is None:
                ask = known[cause.id] = asks(cause)
            if before is not None and not ask:
                return before
            if isinstance(cause, MetricsCause):
                return _of_row(snapshot, subjects, cause, key, before, serious)
            return _of_object(snapshot, subjects, cause, key, before)

        return said


def asks(cause: AnyCause) -> bool:
    """Whether anything that is said of it may change while it holds."""
    if cause.of is Of.GPU:
        return bool(cause.serious) or not is_later(cause)
    return bool(cause.serious) if cause.of in (Of.ENGINE, Of.REPLICA) else True


def _of_row(
    snapshot: Snapshot,
    subjects: Subjects,
    cause: MetricsCause,
    key: str,
    before: Said | None,
    serious: dict[str, Collection[int]],
) -> Said:
    table = subjects.engines if cause.of is Of.ENGINE else subjects.gpus
    severity = cause.severity
    if cause.serious:
        rows = serious.get(cause.id)
        if rows is None:
            # Column by column, as it was found.
            found = (sign.among(table, None) for sign in cause.serious)
            rows = serious[cause.id] = {row for those in found for row in those}
        severity = Severity.CRITICAL if table.frame.index.get(key) in rows else severity
    if is_later(cause):
        return before if before is not None and before.severity is severity else Said(severity, "", None)
    reasons = snapshot.throttle_reasons.get(key, ()) if cause.of is Of.GPU else ()
    if before is not None and before.severity is severity and before.of == reasons:
        return before
    return Said(severity, cause.assessed(subjects, key).reason, reasons)


def _of_object(snapshot: Snapshot, subjects: Subjects, cause: AnyCause, key: str, before: Said | None) -> Said:
    match cause.of:
        case Of.WORKLOAD | Of.NODE:
            severity = snapshot.assessments[key].severity
            return before if before is not None and before.severity is severity else Said(severity, "", None)
        case Of.POD:
            return _of_pod(snapshot, subjects, cause, key, before)
        case _:
            stands = cause.assessed(subjects, key)
            return Said(stands.severity, stands.reason, None)


def _of_pod(snapshot: Snapshot, subjects: Subjects, cause: AnyCause, key: str, before: Said | None) -> Said:
    """One replica of many that is away is felt by nobody for as long as the others carry its load."""
    pod = snapshot.pods[key]
    whole = None
    if cause.stage < Stage.MEASURING:
        whole = snapshot.assessments.get(snapshot.workload_of.get(key, ""))
    spared = whole is not None and whole.severity is not Severity.CRITICAL
    of = (pod, spared)
    if before is not None and isinstance(before.of, tuple) and before.of[0] is pod and before.of[1] is spared:
        return before
    stands = cause.assessed(subjects, key)
    severity = Severity.WARNING if spared and stands.severity is Severity.CRITICAL else stands.severity
    return Said(severity, stands.reason, of)
