"""Joins that could not be made, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from console.views.subject import is_free_gpu
from fleet.dataclass import dataclass
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.cells import Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.untrusted import untrusted, untrusted_name

_JOIN_COLUMNS = (
    GridColumn("join", "JOIN", 30, align="left", priority=0),
    GridColumn("key", "WHAT", 24, align="left", grow=2, widest=70, priority=1),
    GridColumn("detail", "WHY", 20, align="left", grow=3, widest=100, priority=2),
)


@dataclass(frozen=True, slots=True, eq=False)
class JoinsModel:
    """A GridModel of objects without a counterpart in another world. Keys are the objects'."""

    snapshot: Snapshot
    waiting: str = "every measured object has its pod, and everything that should be measured is\nesc goes back"
    sort: Sort | None = None
    columns: tuple[GridColumn, ...] = _JOIN_COLUMNS

    @property
    def groups(self) -> Sequence[RowGroup]:
        # An object can be unmatched in two ways; the row shows the first. A free GPU is not unmatched.
        odd = (entry.key for entry in self.snapshot.unmatched if not is_free_gpu(self.snapshot, entry))
        return [RowGroup(key) for key in dict.fromkeys(odd)]

    def row(self, key: str) -> GridRow:
        entries = [entry for entry in self.snapshot.unmatched if entry.key == key]
        joins = " · ".join(str(entry.join) for entry in entries)
        details = " · ".join(untrusted(entry.detail) for entry in entries if entry.detail)
        return GridRow(key, (Text(joins), Text(untrusted_name(key)), Text(details, Role.DIM)), Severity.UNKNOWN)
