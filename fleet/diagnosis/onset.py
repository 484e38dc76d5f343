"""Onsets of causes: as the object reports them, else from the last quarter of an hour of its metrics.

An onset is also an interval, by how it is known: what began after a finding did is not its root.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import takewhile
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis.cause import AnyCause, Cause, S, Stage
from fleet.diagnosis.signs.metrics_sign import Either, Level, MetricsSign
from fleet.diagnosis.signs.quantity_words import quantity_name
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.node_conditions import node_problem
from fleet.model.objects import Condition, Node, Pod, Workload
from fleet.model.snapshot import Health, Snapshot

POINTS = 60
"""Number of history points searched: all that are kept."""


SLOW_CONTROLLER = 60.0
"""Seconds by which an object may report a change too late: a node counts as silent 40 to 50 s after its last report."""
SLOW_NUMBERS = 600.0
"""Seconds by which the console may see a change too late in numbers: scrapes, and windows of up to ten minutes."""
_DATED_BY_NUMBERS = frozenset({SubjectKind.ENGINE, SubjectKind.REPLICA, SubjectKind.TRAFFIC, SubjectKind.GPU})
"""Kinds of which a finding held at its onset. A pod's conditions are older than what is wrong with it now: one that has
never been ready is not ready since it was created.
"""


class Onset(NamedTuple):
    """A moment, and the evidence for it."""

    at: float
    told_by: str
    may_be_older: bool = False
    """True if it was so in all that is kept."""
    not_before: float = -math.inf
    """Unix time before which it cannot have begun; minus infinity where that is not known."""


def held_by(cause: AnyCause, onset: Onset) -> float:
    """Return the Unix time by which a cause held for certain; infinite where its onset may be that of something else
    at its object.
    """
    return onset.at if cause.of in _DATED_BY_NUMBERS and not cause.symptom else math.inf


def seen_to_begin(at: float, told_by: str, cause: AnyCause) -> Onset:
    """The onset of what did not hold when the console looked last."""
    return Onset(at, told_by, not_before=-math.inf if cause.prolongs else at - SLOW_NUMBERS)


@dataclass(frozen=True, kw_only=True)
class DatedCause(Cause[S]):
    """A cause whose subject says since when it has held."""

    began: Callable[[S], tuple[float, str] | None] = lambda _: None
    """Unix time since when it is so, and what tells it; None where only the console can tell."""


def onset_of(snapshot: Snapshot, subjects: Subjects, cause: AnyCause, key: str) -> Onset | None:
    """Return the onset; None if nothing but the console's own observation shows it. ``subjects``: those of the
    Snapshot.
    """
    if isinstance(cause, DatedCause):
        seen = cause.subject(subjects, key)
        began = None if seen is None else cause.began(seen)
        return None if began is None else Onset(*began)
    match cause.of:
        case SubjectKind.POD:
            return _pod(snapshot.pods[key], cause.stage)
        case SubjectKind.NODE:
            return _node(snapshot.nodes[key])
        case SubjectKind.WORKLOAD:
            return _workload(snapshot.workloads[key], cause)
        case SubjectKind.ENGINE:
            return _numbers(snapshot, cause, key)
        case SubjectKind.SOURCE:
            source = snapshot.source(key)
            # One that answers says since when it does, and not since when its numbers are old.
            answers = source is None or source.health in (Health.LIVE, Health.DEGRADED)
            return None if source is None or answers else Onset(source.since, "the source itself")
        case SubjectKind.PLACEMENT:
            gone = snapshot.departed.get(key, ())
            return _at_most_late(gone[0].at, "when it went") if gone else None
        case _:
            return None


def _pod(pod: Pod, stage: Stage) -> Onset | None:
    created = Onset(pod.created, "when it was created", not_before=pod.created)
    if stage is Stage.PLACING:
        return _condition_since(pod.conditions, "PodScheduled", "False") or created
    if stage not in (Stage.BROKEN, Stage.STARTING):
        return None
    unready = _condition_since(pod.conditions, "Ready", "False")
    if unready is None:
        return None if pod.ready else created
    # Between two deaths it may have been ready for a while: the condition dates the last one.
    return unready._replace(not_before=pod.created) if pod.restarts else unready


_OF_WORKLOADS = {
    "condition Progressing": ("Progressing", "False"),
    "condition ReplicaFailure": ("ReplicaFailure", "True"),
}
"""Reading of a sign → the condition whose transition time dates it."""


def _workload(workload: Workload, cause: AnyCause) -> Onset | None:
    read = (_OF_WORKLOADS[sign.reads] for sign in cause.must if sign.reads in _OF_WORKLOADS)
    return next((_condition_since(workload.conditions, *one) for one in read), None)


def _node(node: Node) -> Onset | None:
    if node.ready != "True":
        return _condition_since(node.conditions, "Ready", node.ready)
    pressed = [one for one in node.conditions if _is_trouble(one.type) and one.status == "True" and one.since]
    first = min(pressed, key=lambda one: one.since or 0.0, default=node_problem(node))
    return None if first is None or first.since is None else _at_most_late(first.since, f"its condition {first.type}")


def _is_trouble(condition: str) -> bool:
    return condition.endswith("Pressure") or condition == "NetworkUnavailable"


def _condition_since(conditions: Iterable[Condition], name: str, status: str) -> Onset | None:
    found = next((one for one in conditions if one.type == name and one.status == status), None)
    if found is None or found.since is None:
        return None
    return _at_most_late(found.since, f"its condition {name}")


def _at_most_late(at: float, told_by: str) -> Onset:
    """The onset that an object reports: what it is about may have begun a little before."""
    return Onset(at, told_by, not_before=at - SLOW_CONTROLLER)


def _numbers(snapshot: Snapshot, cause: AnyCause, key: str) -> Onset | None:
    """Return since when every number that is kept has been over its limit without a gap."""
    past = _Past(snapshot, key)
    known = [found for sign in cause.must if (found := past.length(sign)) is not None]
    if not known:
        return None
    points = min(length for length, _ in known)
    if points < 2:
        # One point is what the console sees now.
        return None
    since = snapshot.at - (points - 1) * snapshot.history.step
    names_text = ", ".join(dict.fromkeys(name for _, names in known for name in names))
    return Onset(since, f"the numbers of {names_text}", may_be_older=points >= past.kept)


class _Past:
    """The history of one pod's numbers."""

    def __init__(self, snapshot: Snapshot, key: str) -> None:
        self._history, self._key = snapshot.history, key
        self._profile = snapshot.profiles.of(snapshot.workload_of.get(key))
        self.kept = 0
        """Points of the longest history that was read."""

    def length(self, sign: object) -> tuple[int, Sequence[str]] | None:
        """Return the number of newest points at which a sign has held, and the names of its numbers; None if none of
        them is kept. Of several ways to see one thing the one that holds longest counts, and none whose decisive
        number, the first, is not kept.
        """
        if isinstance(sign, Level):
            strip = self._history.strip(self._key, sign.quantity, POINTS)
            self.kept = max(self.kept, len(strip))
            met = takewhile(partial(sign.met, profile=self._profile), reversed(strip))
            return (sum(1 for _ in met), (quantity_name(sign.quantity),)) if strip else None
        if isinstance(sign, Either):
            return max(map(self._of_way, sign.alternatives))
        return None

    def _of_way(self, way: Sequence[MetricsSign]) -> tuple[int, Sequence[str]]:
        lengths = [self.length(sign) for sign in way]
        if lengths[0] is None:
            return 0, ()
        known = [one for one in lengths if one is not None]
        return min(length for length, _ in known), tuple(name for _, names in known for name in names)
