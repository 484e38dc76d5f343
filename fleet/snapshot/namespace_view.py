"""The view of one namespace of a cluster, or of all.

A view only leaves rows out. Numbers, joins, free GPUs, histories and verdicts are those of the whole cluster, so that
objects out of view never look absent; plans and calculations use ``everything`` of the Snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import field, replace
from functools import partial
from typing import Any, TypeVar

from fleet.dataclass import dataclass
from fleet.model.differences import are_same, replaced
from fleet.model.snapshot import Join, Snapshot, Unmatched

V = TypeVar("V")


class Viewer:
    """Narrows Snapshots to the cluster's selected namespace; unchanged parts are reused."""

    def __init__(self) -> None:
        self._namespace = ""
        self._tables: dict[str, _Table] = {}
        self._kept: dict[str, tuple[tuple[object, ...], Any]] = {}

    def view(self, whole: Snapshot) -> Snapshot:
        """Return the part in view, with the whole attached; the Snapshot itself if everything is in view."""
        namespace = whole.cluster.namespace
        if not namespace or whole.is_machine:
            return whole
        if namespace != self._namespace:
            self._namespace, self._tables, self._kept = namespace, {}, {}
        return replace(whole, **self._narrowed(whole, namespace), whole=whole)

    def _narrowed(self, whole: Snapshot, namespace: str) -> dict[str, Any]:
        pods, workloads = (self._table(name, getattr(whole, name)) for name in ("pods", "workloads"))
        keep = self._keep
        engines_of = keep("engines_of", (whole.engines_of, pods.members), lambda: _rows_of(whole.engines_of, pods.rows))
        shown = keep("", (engines_of,), lambda: {engine for engines in engines_of.values() for engine in engines})
        joins = (whole.unmatched, whole.gpus, whole.engines)

        def concerned() -> tuple[Unmatched, ...]:
            return tuple(unmatched for unmatched in whole.unmatched if _concerns(unmatched, whole, namespace))

        def events() -> tuple[Any, ...]:
            return tuple(row for row in whole.events if namespace == row.namespace or not row.involved.namespace)

        def limited() -> tuple[Any, ...]:
            return tuple(row for row in whole.budgets if row.namespace == namespace)

        def wrong() -> tuple[Any, ...]:
            return tuple(one for one in whole.incidents if one.affects(namespace))

        found = {
            "pods": pods.rows,
            "workloads": workloads.rows,
            "models": keep("models", (whole.models,), lambda: _in_namespace(whole.models, namespace)),
            "engines_of": engines_of,
            "budgets": keep("budgets", (whole.budgets,), limited),
            "events": keep("events", (whole.events,), events),
            "unmatched": keep("unmatched", joins, concerned),
            "incidents": keep("incidents", (whole.incidents,), wrong),
        }
        for name, members, keys in (
            ("engines", shown, shown),
            ("origins", shown, shown),
            ("products", workloads.members, workloads.rows),
            ("pods_of", workloads.members, workloads.rows),
            ("model_of", workloads.members, workloads.rows),
            ("workload_of", pods.members, pods.rows),
            ("gpus_of", pods.members, pods.rows),
        ):
            rows = getattr(whole, name)
            found[name] = keep(name, (rows, members), partial(_rows_of, rows, keys))
        for name in ("gateways_of", "autoscalers"):
            rows = getattr(whole, name)
            found[name] = keep(name, (rows,), partial(_with_prefix, rows, f"{namespace}/"))
        return found

    def _table(self, name: str, rows: Mapping[str, Any]) -> _Table:
        table = self._tables[name] = _narrow(self._tables.get(name), rows, self._namespace)
        return table

    def _keep(self, name: str, of: tuple[object, ...], make: Callable[[], V]) -> V:
        """Return the cached result for the same objects, else make it."""
        made_of, made = self._kept.get(name, ((), None))
        if not made_of or not are_same(made_of, of):
            made = make()
            self._kept[name] = (of, made)
        found: V = made
        return found


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows of one namespace, and the rows that they were selected from."""

    whole: Mapping[str, Any]
    rows: Mapping[str, Any]
    members: object = field(default_factory=object)
    """The same object for as long as the keys are the same."""


def _narrow(before: _Table | None, whole: Mapping[str, Any], namespace: str) -> _Table:
    others = replaced(before.whole, whole) if before is not None else None
    if before is None or others is None:
        return _Table(whole, _in_namespace(whole, namespace))
    mine = {key: whole[key] for key in others if key in before.rows}
    return replace(before, whole=whole, rows={**before.rows, **mine} if mine else before.rows)


def _rows_of(rows: Mapping[str, V], keys: Collection[str]) -> dict[str, V]:
    return {key: row for key, row in rows.items() if key in keys}


def _with_prefix(rows: Mapping[str, V], prefix: str) -> dict[str, V]:
    return {key: row for key, row in rows.items() if key.startswith(prefix)}


def _in_namespace(rows: Mapping[str, V], namespace: str) -> dict[str, V]:
    """Return the rows in a namespace, and those without one, which may belong to it."""
    return {key: row for key, row in rows.items() if getattr(row, "namespace", "") in (namespace, "")}


def _concerns(unmatched: Unmatched, whole: Snapshot, namespace: str) -> bool:
    """True if a failed join belongs to this namespace; GPUs belong to the cluster."""
    match unmatched.join:
        case Join.GPU_WITHOUT_POD:
            gpu = whole.gpus.get(unmatched.key)
            return gpu is None or gpu.namespace in (namespace, "") or not gpu.pod
        case Join.METRICS_WITHOUT_POD:
            engine = whole.engines.get(unmatched.key)
            return engine is None or engine.namespace in (namespace, "")
        case _:
            return unmatched.key.startswith(f"{namespace}/")
