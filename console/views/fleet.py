"""The fleet as a table: workloads, worst first, and their pods."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.views.columns import Shown, drawn, ordered, shown_in
from console.views.empty_table import empty_text
from console.views.fleet_columns import COLUMNS, FleetColumn
from console.views.fleet_order import FleetOrder
from console.views.identity_cache import IdentityCache
from console.views.query import LazyAlike, LazyKeys, Query
from console.views.row_cells import Cells
from console.views.row_inputs import drawn_from
from console.views.subject import assessment_of
from fleet.dataclass import dataclass
from fleet.model.counting import count
from fleet.model.differences import are_same
from fleet.model.snapshot import Join, Snapshot
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.untrusted import untrusted_name


@dataclass(frozen=True, slots=True, eq=False)
class FleetModel:
    """A GridModel. Rows are made when the grid asks; the order of pods is worked out for open groups alone."""

    snapshot: Snapshot
    groups: Sequence[RowGroup]
    sort: Sort | None
    waiting: str
    shown: Shown
    table: tuple[FleetColumn, ...]

    @property
    def columns(self) -> tuple[GridColumn, ...]:
        return drawn(self.table)

    def row(self, key: str) -> GridRow:
        shown, table = self.shown, self.table
        workload, severity = self.snapshot.workloads.get(key), assessment_of(self.snapshot, key).severity
        if workload is not None:
            return GridRow(key, Cells(len(table), lambda at: table[at].top(shown, workload)), severity)
        pod = self.snapshot.pods[key]
        return GridRow(key, Cells(len(table), lambda at: table[at].below(shown, pod)), severity)


_JOINS: IdentityCache[dict[str, Join]] = IdentityCache()


class FleetTable:
    """The table from one Snapshot to the next: the same model while none of its rows can have changed."""

    def __init__(self) -> None:
        self._order = FleetOrder()
        self._query: Query | None = None
        self._from: tuple[tuple[object, ...], tuple[object, ...]] = ((), ())
        self._model: FleetModel | None = None

    def model_of(self, snapshot: Snapshot, query: Query) -> FleetModel:
        """The model for one Snapshot, in the order that the Snapshots before have led to."""
        (objects, values), known = drawn_from(snapshot), self._model
        as_before = query is self._query and values == self._from[1] and are_same(objects, self._from[0])
        # The text of an empty table depends on the sources, which change at every tick.
        if as_before and known is not None and known.groups:
            return known
        self._query, self._from = query, (objects, values)
        self._model = fleet_model(snapshot, query, self._order)
        return self._model


def fleet_model(snapshot: Snapshot, query: Query, order: FleetOrder) -> FleetModel:
    """Return the table for one Snapshot. ``order`` remembers the state of earlier ones."""
    workloads = [key for key in snapshot.workloads if query.others or key in snapshot.model_of]
    order.forget_others(snapshot.workloads)
    members = _filtered(snapshot, workloads, query, order)
    keys: Sequence[str]
    if query.sort is None:
        keys = order.workloads(snapshot, list(members))
    else:
        keys = ordered(COLUMNS, snapshot, list(members), query.sort)
    folds = query.sort is None and not query.filter and not query.others
    groups = []
    for key in keys:
        children = LazyKeys(members[key], _orderer(snapshot, key, query, order))
        groups.append(RowGroup(key, children, LazyAlike(members[key], order.alike(snapshot, key)) if folds else ()))
    unmatched = snapshot.unmatched
    joins = _JOINS.get("", (unmatched,), lambda: {entry.key: entry.join for entry in unmatched})
    shown = Shown(snapshot, joins)
    return FleetModel(snapshot, groups, query.sort, _waiting(snapshot, query), shown, shown_in(COLUMNS, snapshot))


def _orderer(
    snapshot: Snapshot, workload: str, query: Query, order: FleetOrder
) -> Callable[[Sequence[str]], Sequence[str]]:
    def arrange(keys: Sequence[str]) -> Sequence[str]:
        if query.sort is None:
            return order.pods(snapshot, workload, keys)
        return ordered(COLUMNS, snapshot, keys, query.sort)

    return arrange


def _filtered(
    snapshot: Snapshot, workloads: Sequence[str], query: Query, order: FleetOrder
) -> dict[str, Sequence[str]]:
    """Workload → the pods to show. With a filter: pods that match, and workloads that have such pods."""
    if not query.filter:
        return {key: snapshot.pods_of.get(key, ()) for key in workloads}
    out: dict[str, Sequence[str]] = {}
    for key in workloads:
        workload = snapshot.workloads[key]
        says = f"{workload.namespace} {workload.name} {snapshot.model_of.get(key, '')} {workload.kind}"
        kept = order.matching(snapshot, key, says, query.filter)
        if kept or (not snapshot.pods_of.get(key) and query.filter.matches(says, workload.labels)):
            out[key] = kept
    return out


def _waiting(snapshot: Snapshot, query: Query) -> str:
    """Return the text of an empty table."""
    if text := empty_text(snapshot, query):
        return text
    if snapshot.is_machine:
        return "no vLLM server on this machine\n:up MODEL starts one · :ctx other clusters"
    hidden = len(snapshot.workloads) if not query.others else 0
    where = f"namespace {untrusted_name(snapshot.cluster.namespace)}" if snapshot.cluster.namespace else "this cluster"
    if hidden:
        others = f"the other {count(hidden, 'workload')}" if hidden > 1 else "the other workload"
        return f"no workload in {where} serves a model\na shows {others} · n other namespaces"
    return f"no workloads in {where}\nn other namespaces · :ctx other clusters"
