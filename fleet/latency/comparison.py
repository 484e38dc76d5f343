"""Phases of requests now, compared with those of peers, an hour ago and before the last change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from fleet.dataclass import dataclass
from fleet.latency.phases import MEANS, Breakdown, RequestPhase, breakdown, breakdown_of
from fleet.latency.separation import replicas_of
from fleet.latency.slowness import median
from fleet.model.curve import Curve, CurveQuestion, Series, TimeRange, time_range
from fleet.model.snapshot import Snapshot
from fleet.timeline.entry import Entry, EntryKind

STEP: Final = 300.0
"""Seconds of requests behind each number of the past: enough for a mean, few enough to be before a change."""
HOUR: Final = 3600.0
LOOKS_BACK: Final = 24 * HOUR
"""Oldest change that is compared with, in seconds."""
CLEAR: Final = 1.5
"""Factor by which a phase must have grown to be named as slower."""
NOTICEABLE: Final = 0.05
"""Seconds below which the growth of a phase is not noticeable."""


@dataclass(frozen=True, slots=True)
class LastChange:
    """The last change before now that requests may have felt."""

    at: float
    """Unix time."""
    what: str


@dataclass(frozen=True, slots=True)
class LatencyComparison:
    """One object's breakdown and those that it is compared with; an unknown one is None."""

    now: Breakdown
    peers: Breakdown | None = None
    """Median of the other replicas, phase by phase."""
    hour_ago: Breakdown | None = None
    before_change: Breakdown | None = None
    change: LastChange | None = None

    def others(self) -> Mapping[str, Breakdown]:
        """Return the available comparisons, by name."""
        named = {"its peers": self.peers, "an hour ago": self.hour_ago, "before change": self.before_change}
        return {words: each for words, each in named.items() if each is not None and each.seconds}


@dataclass(frozen=True, slots=True)
class Growth:
    """A phase that takes much longer than in something else."""

    phase: RequestPhase
    than: str
    now: float
    """Seconds."""
    then: float


def greatest_growth(comparison: LatencyComparison) -> Growth | None:
    """Return the phase that takes most seconds more than in anything else; None where none clearly does."""
    grown = [
        Growth(phase, words, now, other.of(phase))
        for words, other in comparison.others().items()
        for phase, now in comparison.now.seconds.items()
        if now - other.of(phase) >= NOTICEABLE and now >= CLEAR * other.of(phase)
    ]
    return max(grown, key=lambda one: one.now - one.then, default=None)


def last_change(entries: Iterable[Entry], now: float) -> LastChange | None:
    """Return the last entry in which the desired state was changed; None if there is none."""
    changes = [entry for entry in entries if entry.kind is EntryKind.CHANGE and entry.ended <= now]
    last = max(changes, key=lambda entry: entry.ended, default=None)
    return None if last is None else LastChange(last.ended, last.what)


def peers_of(snapshot: Snapshot, key: str) -> Breakdown | None:
    """Return the median of the other replicas of a pod's model, by phase; None for a workload, and without peers."""
    workload = snapshot.workload_of.get(key)
    if workload is None:
        return None
    others = [breakdown_of(snapshot, other) for other in replicas_of(snapshot, workload) if other != key]
    middle = {phase: median([one.of(phase) for one in others if phase in one.seconds]) for phase in MEANS}
    found = {phase: seconds for phase, seconds in middle.items() if not math.isnan(seconds)}
    return Breakdown(found) if found else None


def questions(series: Series, key: str, now: float, change: LastChange | None) -> tuple[CurveQuestion, ...]:
    """Return a question of the past for each phase of an object, back to an hour ago and to before the change."""
    back = max(HOUR, now - change.at if change is not None else 0.0) + 2 * STEP
    moments = time_range(now, back, math.ceil(back / STEP), STEP)
    return tuple(CurveQuestion(mean, series, moments, STEP, key=key) for mean in MEANS.values())


def past(curves: Sequence[Curve], at: float) -> Breakdown | None:
    """Return the breakdown of the requests finished by a time (Unix); None if nothing is known of them."""
    found = {curve.quantity: _value(curve, at) for curve in curves}
    known = breakdown(lambda quantity: found.get(quantity, math.nan))
    return known if known.seconds else None


def compared(snapshot: Snapshot, key: str, curves: Sequence[Curve], change: LastChange | None) -> LatencyComparison:
    """Return an object's breakdown beside every available comparison."""
    before = past(curves, change.at) if change is not None else None
    return LatencyComparison(
        breakdown_of(snapshot, key), peers_of(snapshot, key), past(curves, snapshot.at - HOUR), before, change
    )


def _value(curve: Curve, at: float) -> float:
    """The last value of requests that all finished by ``at``, at most three steps before it."""
    asked: TimeRange = curve.range
    place = math.floor((at - asked.start) / asked.step)
    candidates = range(min(place, asked.points - 1), max(-1, place - 3), -1)
    return next((curve.values[i] for i in candidates if i >= 0 and not math.isnan(curve.values[i])), math.nan)
