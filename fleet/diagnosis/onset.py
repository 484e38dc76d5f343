"""Onsets of causes: as the object reports them, else from the last quarter of an hour of its metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import takewhile
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis.cause import AnyCause, Cause, Of, S, Stage
from fleet.diagnosis.metrics_sign import Level
from fleet.diagnosis.quantity_words import quantity_name
from fleet.diagnosis.subject import Subjects
from fleet.model.objects import Condition, Node, Pod, Workload
from fleet.model.snapshot import Snapshot

POINTS = 60
"""Number of history points searched: all that are kept."""


class Onset(NamedTuple):
    """A moment, and the evidence for it."""

    at: float
    told_by: str
    may_be_older: bool = False
    """True if it was so in all that is kept."""


@dataclass(frozen=True, kw_only=True)
class DatedCause(Cause[S]):
    """A cause whose subject says since when it has held."""

    began: Callable[[S], tuple[float, str] | None] = lambda _: None
    """Unix time since when it is so, and what tells it; None where only the console can tell."""


def onset_of(snapshot: Snapshot, cause: AnyCause, key: str) -> Onset | None:
    """Return the onset; None if nothing but the console's own observation shows it."""
    if isinstance(cause, DatedCause):
        seen = cause.subject(Subjects.of(snapshot), key)
        began = None if seen is None else cause.began(seen)
        return None if began is None else Onset(*began)
    match cause.of:
        case Of.POD:
            return _pod(snapshot.pods[key], cause.stage)
        case Of.NODE:
            return _node(snapshot.nodes[key])
        case Of.WORKLOAD:
            return _workload(snapshot.workloads[key], cause)
        case Of.ENGINE:
            return _numbers(snapshot, cause, key)
        case Of.SOURCE:
            source = snapshot.source(key)
            return None if source is None else Onset(source.since, "the source itself")
        case Of.PLACEMENT:
            gone = snapshot.departed.get(key, ())
            return Onset(gone[0].at, "when it went") if gone else None
        case _:
            return None


def _pod(pod: Pod, stage: Stage) -> Onset | None:
    if stage is Stage.PLACING:
        return _condition_since(pod.conditions, "PodScheduled", "False") or Onset(pod.created, "when it was created")
    if stage in (Stage.BROKEN, Stage.STARTING):
        unready = _condition_since(pod.conditions, "Ready", "False")
        return unready or (None if pod.ready else Onset(pod.created, "when it was created"))
    return None


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
    first = min(pressed, key=lambda one: one.since or 0.0, default=None)
    return None if first is None or first.since is None else Onset(first.since, f"its condition {first.type}")


def _is_trouble(condition: str) -> bool:
    return condition.endswith("Pressure") or condition == "NetworkUnavailable"


def _condition_since(conditions: Iterable[Condition], name: str, status: str) -> Onset | None:
    found = next((one for one in conditions if one.type == name and one.status == status), None)
    return None if found is None or found.since is None else Onset(found.since, f"its condition {name}")


def _numbers(snapshot: Snapshot, cause: AnyCause, key: str) -> Onset | None:
    """Return since when every number that is kept has been over its limit without a gap."""
    lengths: dict[str, int] = {}
    kept = 0
    profile = snapshot.profiles.of(snapshot.workload_of.get(key))
    for sign in cause.must:
        if isinstance(sign, Level):
            strip = snapshot.history.strip(key, sign.quantity, POINTS)
            if strip:
                kept = max(kept, len(strip))
                lengths[quantity_name(sign.quantity)] = sum(
                    1 for _ in takewhile(partial(sign.met, profile=profile), reversed(strip))
                )
    if not lengths:
        return None
    points = min(lengths.values())
    if points < 2:
        # One point is what the console sees now.
        return None
    since = snapshot.at - (points - 1) * snapshot.history.step
    return Onset(since, f"the numbers of {', '.join(lengths)}", may_be_older=points >= kept)
