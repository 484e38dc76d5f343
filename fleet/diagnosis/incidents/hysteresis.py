"""Hysteresis: a cause fires once it has held long enough, and clears once it has been absent long enough.

The only place where findings have memory. A finding whose words and severity do not change stays the same object.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import AnyCause
from fleet.diagnosis.incidents.finding_words import FindingWords
from fleet.diagnosis.incidents.severity import RatedCause, Severities, asks
from fleet.diagnosis.onset import Onset, held_by, onset_of, seen_to_begin
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.finding import Finding, FindingState
from fleet.model.snapshot import Snapshot

SEEN = "this console, which saw it begin"
SEEN_FIRST = "this console, which found it already so"


@dataclass(slots=True)
class _Kept:
    cause: AnyCause
    since: Onset
    last: float
    """Unix time at which it last held."""
    rated: RatedCause
    asks: bool
    """True if its severity or words may change while it holds."""
    held: bool = False
    """True if it held at the last look at everything, and was rated then."""
    finding: Finding | None = None
    """The current finding; None if it must be rebuilt."""
    eased: str = ""
    """The words from when it last held, if they are not kept otherwise."""
    fired: bool = False
    backfilled: int = 0
    """State of the history when ``since`` was determined: once more of the past is read, the onset may turn out
    earlier.
    """


FIRING, PENDING, RECOVERING = FindingState.FIRING, FindingState.PENDING, FindingState.RECOVERING


class Hysteresis:
    """The findings of one fleet, from Snapshot to Snapshot; of words with numbers in them they have none yet."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._holds: Sequence[ActiveCause] = ()
        self._at = -math.inf
        self._asked: dict[str, tuple[AnyCause, list[tuple[int, str, _Kept]]]] = {}
        self._grounds: dict[str, object] = {}
        self._calm = False
        self._past = 0
        self._due = self._clears = math.inf
        self._findings: list[Finding] = []
        self._looked = False
        self.made = 0
        """Number of findings made so far: tests count what a tick costs."""

    @property
    def until(self) -> float:
        """Unix time until which the findings stay the same, if the same causes hold."""
        return min(self._due, self._at + self._clears)

    def findings_at(self, snapshot: Snapshot, holds: Sequence[ActiveCause], words: FindingWords) -> Sequence[Finding]:
        """Return the findings for a Snapshot in which these causes hold: the same object while nothing changes.

        ``words`` are those of the previous Snapshot.
        """
        severities = Severities(snapshot)
        past = snapshot.history.backfilled
        if self._calm and holds is self._holds and past == self._past and self._at <= snapshot.at:
            self._at = snapshot.at
            if snapshot.at >= self._due:
                self._fire(snapshot.at)
            return self._reworded(severities)
        now, before, kept = snapshot.at, self._kept, dict[tuple[str, str], _Kept]()
        settled = frozenset(name for name, (cause, _) in self._asked.items() if self._is_settled(severities, cause))
        for cause, key in holds:
            place = (cause.id, key)
            one = before.get(place)
            if one is None:
                one = self._begun(snapshot, cause, key, severities)
            else:
                if one.asks and (cause.id not in settled or not one.held):
                    _update(one, severities.rate(cause, key, one.rated))
                if one.backfilled != past and _may_be_older(one):
                    # History from before the start of the console is read after its first tick.
                    one.backfilled = past
                    one.since = onset_of(snapshot, severities.subjects, cause, key) or one.since
                    one.finding = None
            one.last, one.held = now, True
            one.fired = one.fired or now - one.since.at >= cause.after
            kept[place] = one
        easing = {} if before.keys() <= kept.keys() else self._easing(snapshot, kept, words)
        self._calm = not easing
        kept |= easing
        self._kept, self._holds, self._at, self._past = kept, holds, now, past
        self._looked = self._looked or snapshot.measured_at is not None
        self._plan(now)
        self._asked = {}
        for at, ((_, key), one) in enumerate(kept.items()):
            if one.asks:
                self._asked.setdefault(one.cause.id, (one.cause, []))[1].append((at, key, one))
        # All of them have been rated by these, if not by the same.
        self._grounds = {name: severities.ground(cause) for name, (cause, _) in self._asked.items()}
        self._findings = [self._finding(key, one, now) for (_, key), one in kept.items()]
        return self._findings

    def _plan(self, now: float) -> None:
        """Note when the next state changes, if nothing else happens."""
        kept = self._kept.values()
        self._due = min((_due(one, now) for one in kept), default=math.inf)
        self._clears = min((one.cause.clears for one in kept if one.fired), default=math.inf)

    def _fire(self, now: float) -> None:
        """Fire what has held long enough, where nothing has come or gone."""
        self._findings = list(self._findings)
        for at, ((_, key), one) in enumerate(self._kept.items()):
            if not one.fired and _due(one, now) <= now:
                one.fired = True
                self._findings[at] = self._finding(key, one, -math.inf)
        self._plan(-math.inf)

    def _reworded(self, severities: Severities) -> Sequence[Finding]:
        """Return the findings if the same causes hold and no state change is due; only changeable words are
        recomputed.
        """
        others: list[tuple[int, Finding]] = []
        for cause, asked in self._asked.values():
            if self._is_settled(severities, cause):
                continue
            self._grounds[cause.id] = severities.ground(cause)
            for at, key, one in asked:
                rated = severities.rate(cause, key, one.rated)
                if rated is not one.rated:
                    _update(one, rated)
                    if one.finding is None:
                        others.append((at, self._finding(key, one, -math.inf)))
        if others:
            self._findings = list(self._findings)
            for at, finding in others:
                self._findings[at] = finding
        return self._findings

    def _is_settled(self, severities: Severities, cause: AnyCause) -> bool:
        """True if severity and words of a cause are as they were rated last, at every object."""
        ground, before = severities.ground(cause), self._grounds.get(cause.id)
        return ground is not None and (ground is before or (isinstance(ground, frozenset) and ground == before))

    def _begun(self, snapshot: Snapshot, cause: AnyCause, key: str, severities: Severities) -> _Kept:
        rated = severities.rate(cause, key, None)
        since = onset_of(snapshot, severities.subjects, cause, key)
        if since is None:
            found_so = Onset(snapshot.at, SEEN_FIRST, may_be_older=True)
            since = seen_to_begin(snapshot.at, SEEN, cause) if self._looked else found_so
        return _Kept(cause, since, snapshot.at, rated, asks(cause), backfilled=snapshot.history.backfilled)

    def _finding(self, key: str, one: _Kept, now: float) -> Finding:
        """Return the finding; it stays the same object while nothing about it changes."""
        holding = one.last >= now
        state = (FIRING if holding else RECOVERING) if one.fired else PENDING
        finding = one.finding
        if finding is None or finding.state is not state:
            finding = one.finding = _new_finding(key, one, state)
            self.made += 1
        return finding

    def _easing(
        self, snapshot: Snapshot, holding: Mapping[tuple[str, str], _Kept], words: FindingWords
    ) -> dict[tuple[str, str], _Kept]:
        """Return what has fired, no longer holds, and has not cleared yet. It keeps its last words."""
        found, subjects = {}, Subjects.of(snapshot)
        for place, one in self._kept.items():
            if place in holding or not one.fired or not _is_there(snapshot, one.cause.of, place[1]):
                continue
            if one.finding is not None and one.finding.state is FIRING:
                one.eased = words.of(one.finding)
                # It held as long as nothing contradicted it.
                one.last = max(one.last, self._at)
            one.held = False
            if one.cause.still_holds(subjects, place[1]):
                one.last = snapshot.at
            if snapshot.at - one.last < one.cause.clears:
                found[place] = one
        return found


def _update(one: _Kept, rated: RatedCause) -> None:
    """Update its words and severity; the finding is rebuilt if they changed."""
    if rated[:2] != one.rated[:2]:
        one.finding = None
    one.rated = rated


def _is_there(snapshot: Snapshot, kind: SubjectKind, key: str) -> bool:
    if kind is SubjectKind.SOURCE:
        return snapshot.source(key) is not None
    if kind is SubjectKind.SERVICE:
        return key in snapshot.workloads or key in snapshot.empty_services
    rows: Mapping[str, object] = {
        SubjectKind.NODE: snapshot.nodes,
        SubjectKind.GPU: snapshot.gpus,
        SubjectKind.WORKLOAD: snapshot.workloads,
        SubjectKind.AUTOSCALER: snapshot.autoscalers,
        SubjectKind.TRAFFIC: snapshot.workloads,
        SubjectKind.PLACEMENT: snapshot.workloads,
        SubjectKind.OBJECTIVE: snapshot.workloads,
        SubjectKind.SETUP: snapshot.workloads,
    }.get(kind, snapshot.pods)
    return key in rows


def _may_be_older(one: _Kept) -> bool:
    """True if history may still show an earlier onset than the console's own first observation."""
    return not one.fired and one.since.told_by == SEEN_FIRST


def _due(one: _Kept, now: float) -> float:
    """Return the Unix time of its next state change, if nothing else happens."""
    if one.fired:
        return math.inf if one.last >= now else one.last + one.cause.clears
    return one.since.at + one.cause.after


def _new_finding(key: str, one: _Kept, state: FindingState) -> Finding:
    cause, since = one.cause, one.since
    return Finding(
        cause.id,
        cause.of.value,
        key,
        one.rated.severity,
        one.eased if state is RECOVERING else one.rated.words,
        state,
        since.at,
        since.told_by,
        0.0 if one.fired else since.at + cause.after,
        since.may_be_older,
        since.not_before,
        held_by(cause, since),
    )
