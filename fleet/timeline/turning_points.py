"""The moments at which something was changed, or an incident began: where a look at the past stops.

What happens within seconds of a change belongs to it: an autoscaler's step and the pods that follow from it are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from fleet.timeline.entry import Entry, EntryKind

if TYPE_CHECKING:
    from fleet.model.finding import Incident

SEEN_BY: Final = 15.0
"""Seconds after a change, or an onset, by which it is in the recorded numbers."""


class TurningPoint(NamedTuple):
    """One change, or several at the same time."""

    at: float
    """Unix time by which it can be seen."""
    changes: tuple[Entry, ...]
    onsets: tuple[Incident, ...]


def turning_points(entries: Iterable[Entry], incidents: Iterable[Incident]) -> tuple[TurningPoint, ...]:
    """Return the turning points, the earliest first."""
    changes = [TurningPoint(one.at + one.within, (one,), ()) for one in entries if one.kind is EntryKind.CHANGE]
    onsets = [TurningPoint(one.since, (), (one,)) for one in incidents]
    return tuple(_joined(sorted((*changes, *onsets), key=lambda one: one.at)))


def _joined(points: Iterable[TurningPoint]) -> Iterator[TurningPoint]:
    first: TurningPoint | None = None
    for point in points:
        if first is not None and point.at - first.at <= SEEN_BY:
            first = TurningPoint(first.at, first.changes + point.changes, first.onsets + point.onsets)
            continue
        if first is not None:
            yield first._replace(at=first.at + SEEN_BY)
        first = point
    if first is not None:
        yield first._replace(at=first.at + SEEN_BY)
