"""Counts of repeated events, and the time that they span: an event counts those that are alike."""

from __future__ import annotations

from collections.abc import Iterable

from fleet.model.objects import Event


def times_of(events: Iterable[Event]) -> int:
    """Return how often these were written; those that are counted at one moment are one."""
    return sum(event.count if event.last > (event.first or event.last) else 1 for event in events)


def seconds_of(events: Iterable[Event]) -> float:
    """Return the seconds from the first of these to the last; 0 for none."""
    times = [at for event in events for at in (event.first or event.last, event.last)]
    return max(times) - min(times) if times else 0.0


def first_of(events: Iterable[Event]) -> tuple[float, str] | None:
    """Return the Unix time of the first of these, and what tells it; None for none."""
    first = min((event.first or event.last for event in events), default=None)
    return None if first is None else (first, "the first event about it")
