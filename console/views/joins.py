"""Joins that could not be made, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from console.views.subject import is_free_gpu
from fleet.dataclass import dataclass
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot, Unmatched
from themes.palette import Role
from widgets.cells import Name, Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.line import width_of
from widgets.untrusted import untrusted, untrusted_name

_NARROW = 24
"""Cells of the kind of join, with its sign."""
_LEAD = 3
"""Cells in front of it."""


@dataclass(frozen=True, slots=True, eq=False)
class JoinsModel:
    """A GridModel of objects without a counterpart in another world. Keys are the objects'."""

    snapshot: Snapshot
    columns: tuple[GridColumn, ...]
    waiting: str = "every measured object has its pod, and everything that should be measured is\nesc goes back"
    sort: Sort | None = None
    found: dict[str, list[Unmatched]] = field(default_factory=dict)
    """The object's key → what it lacks."""

    @property
    def groups(self) -> Sequence[RowGroup]:
        return [RowGroup(key) for key in self.found]

    def row(self, key: str) -> GridRow:
        entries = self.found[key]
        cells = (Text(_joins(entries)), Name(untrusted_name(key)), Text(_details(entries), Role.DIM))
        return GridRow(key, cells, Severity.UNKNOWN)


def joins_model(snapshot: Snapshot) -> JoinsModel:
    """Return the joins of a Snapshot that failed; columns are as wide as their texts. A free GPU is not unmatched."""
    found: dict[str, list[Unmatched]] = {}
    for entry in snapshot.unmatched:
        if not is_free_gpu(snapshot, entry):
            found.setdefault(entry.key, []).append(entry)
    rows = found.values()
    join = _LEAD + max((width_of(_joins(entries)) for entries in rows), default=0)
    detail = max((width_of(_details(entries)) for entries in rows), default=0)
    columns = (
        GridColumn("join", "JOIN", max(join, _NARROW), align="left", priority=0),
        GridColumn("key", "WHAT", 16, align="left", grow=1, widest=70, priority=1),
        # What the name has to give: its end tells it from its neighbours.
        GridColumn(
            "detail", "WHY", 20, align="left", grow=3, widest=max(20, detail), priority=2, share=0.6, explains=True
        ),
    )
    return JoinsModel(snapshot, columns, found=found)


def _joins(entries: Sequence[Unmatched]) -> str:
    """Return what an object lacks: only a pod may lack two things, which are then all metrics."""
    return str(entries[0].join) if len(entries) == 1 else "pod without any metrics"


def _details(entries: Sequence[Unmatched]) -> str:
    return ", ".join(untrusted(entry.detail) for entry in entries if entry.detail)
