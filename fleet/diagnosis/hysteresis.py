"""Hysteresis: a cause fires once it has held for as long as it must, and is over once it has not for as long.

The one place in which findings have a memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from fleet.dataclass import dataclass
from fleet.diagnosis.cause import Cause, Of, Stage
from fleet.diagnosis.held import Holds
from fleet.diagnosis.looking import subject_of
from fleet.diagnosis.since import Since, began
from fleet.model.finding import Finding, FindingState
from fleet.model.snapshot import Assessment, Severity, Snapshot

SEEN = "this console, which has seen it begin"
LOOKS_AGAIN = 3
"""Snapshots after the first ones in which the past is asked for once more: it comes after the first measurement."""
SEEN_FIRST = "this console, which found it so"


@dataclass(slots=True)
class _Kept:
    cause: Cause[Any]
    since: Since
    last: float
    """Unix time at which it held last."""
    stands: Assessment
    fired: bool = False
    looks_again: int = 0


class Hysteresis:
    """The findings of one fleet, from Snapshot to Snapshot."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._looked = False
        self.until = -math.inf
        """Unix time until which the same findings stand, if the same holds."""

    def findings_at(self, snapshot: Snapshot, holds: Iterable[Holds]) -> list[Finding]:
        """The findings at a Snapshot at which these hold."""
        now, told = snapshot.at, SEEN if self._looked else SEEN_FIRST
        before, kept = self._kept, dict[tuple[str, str], _Kept]()
        for cause, key in holds:
            place, stands = (cause.id, key), _stands(snapshot, cause, key)
            one = before.get(place)
            if one is None:
                one = _Kept(cause, began(snapshot, cause, key) or Since(now, told), now, stands)
                one.looks_again = 0 if self._looked else LOOKS_AGAIN
            elif _may_be_older(one):
                # What was before the console's time is read after its first look.
                one.looks_again -= 1
                one.since = began(snapshot, cause, key) or one.since
            one.last, one.stands = now, stands
            one.fired = one.fired or now - one.since.at >= cause.after
            kept[place] = one
        for place, one in before.items():
            if place not in kept and one.fired and _is_there(snapshot, one.cause.of, place[1]):
                if _goes_on(snapshot, one.cause, place[1]):
                    one.last = now
                if now - one.last < one.cause.clears:
                    kept[place] = one
        self._kept = kept
        self._looked = self._looked or snapshot.measured_at is not None
        self.until = min(map(_next, kept.values()), default=math.inf)
        return [_finding(key, one, now) for (_, key), one in kept.items()]


def _stands(snapshot: Snapshot, cause: Cause[Any], key: str) -> Assessment:
    """Return how bad it is for users, and in which words."""
    if cause.of in (Of.WORKLOAD, Of.NODE):
        return snapshot.assessments[key]
    subject = subject_of(snapshot, cause.of, key)
    if subject is None:
        return Assessment(cause.severity)
    stands = cause.assessment(subject)
    if cause.of is Of.POD and cause.stage < Stage.MEASURING and stands.severity is Severity.CRITICAL:
        # One replica of many that is away is felt by nobody for as long as the others carry its load.
        whole = snapshot.assessments.get(snapshot.workload_of.get(key, ""))
        if whole is not None and whole.severity is not Severity.CRITICAL:
            return Assessment(Severity.WARNING, stands.reason)
    return stands


def _is_there(snapshot: Snapshot, kind: Of, key: str) -> bool:
    if kind is Of.SOURCE:
        return snapshot.source(key) is not None
    rows: Mapping[str, object] = {
        Of.NODE: snapshot.nodes,
        Of.GPU: snapshot.gpus,
        Of.WORKLOAD: snapshot.workloads,
    }.get(kind, snapshot.pods)
    return key in rows


def _goes_on(snapshot: Snapshot, cause: Cause[Any], key: str) -> bool:
    """Whether it still holds at the limits that are easier to keep to."""
    subject = subject_of(snapshot, cause.of, key) if cause.still else None
    return subject is not None and all(sign.holds(subject) for sign in cause.still)


def _may_be_older(one: _Kept) -> bool:
    """Whether the past may still tell of an earlier beginning than the console's own first look."""
    return one.looks_again > 0 and not one.fired and one.since.told_by == SEEN_FIRST


def _next(one: _Kept) -> float:
    """Unix time at which its state is another, if nothing else happens."""
    if _may_be_older(one):
        return -math.inf
    return one.last + one.cause.clears if one.fired else one.since.at + one.cause.after


def _finding(key: str, one: _Kept, now: float) -> Finding:
    cause, since = one.cause, one.since
    firing = FindingState.FIRING if one.last >= now else FindingState.RECOVERING
    return Finding(
        cause.id,
        cause.of.value,
        key,
        one.stands.severity,
        one.stands.reason,
        firing if one.fired else FindingState.PENDING,
        since.at,
        since.told_by,
        0.0 if one.fired else since.at + cause.after,
    )
