"""Inputs of a table's rows: while none of them changes, no row is rebuilt."""

from __future__ import annotations

from dataclasses import fields

from console.views.alert_marks import board
from console.views.root_words import roots
from fleet.model.frame import Frame
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot

STEP = 10.0
"""Seconds after which rows are made again in any case: ages are drawn in steps of this length."""
_BESIDE = frozenset(
    {"sequence", "at", "cluster", "sources", "window", "method", "measured_at", "events", "throttle_reasons"}
    | {"facts", "coverage", "history", "whole", "incidents", "burning", "naming"}
)
"""Fields that no row depends on, or that change together with one that they depend on: the strips with the columns."""
_PARTS = tuple(field.name for field in fields(Snapshot) if field.name not in _BESIDE)


def drawn_from(snapshot: Snapshot) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """Objects that have to be the same, and values that have to be equal, for all rows to be as they were."""
    objects: list[object] = [board(snapshot)]
    values: list[object] = [snapshot.at // STEP, snapshot.cluster, roots(snapshot)]
    for name in _PARTS:
        part = getattr(snapshot, name)
        if isinstance(part, Frame):
            objects += [part.columns, part.ages, part.states, part.index]
            # A stale number is drawn with its age.
            is_old = max(part.states, default=State.FRESH) >= State.STALE
            values += [part.absent, part.since if is_old else 0.0]
        else:
            objects.append(part)
    return tuple(objects), tuple(values)
