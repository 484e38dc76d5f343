"""What is shown of a cluster: one namespace of it, or all.

A view only leaves out. Numbers, joins, free GPUs, histories and verdicts are those of the whole cluster, so that what
is out of view never looks absent; whoever plans or reckons asks the Snapshot for ``everything``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from fleet.model.snapshot import Join, Snapshot, Unmatched
from fleet.snapshot.differences import same

V = TypeVar("V")


class Viewer:
    """Narrows Snapshots to the namespace that their cluster says is in view; what does not change is kept."""

    def __init__(self) -> None:
        self._of: tuple[object, ...] = ()
        self._parts: dict[str, Any] = {}

    def view(self, whole: Snapshot) -> Snapshot:
        """The part in view, which knows the whole; the Snapshot itself where all is."""
        namespace = whole.cluster.namespace
        if not namespace or whole.is_machine:
            return whole
        of = (namespace, whole.events, *whole.structure().values())
        if not same(of, self._of):
            self._of, self._parts = of, _narrowed(whole, namespace)
        return replace(whole, **self._parts, whole=whole)


def _narrowed(whole: Snapshot, namespace: str) -> dict[str, Any]:
    pods = _within(whole.pods, namespace)
    workloads = _within(whole.workloads, namespace)
    engines_of = {pod: engines for pod, engines in whole.engines_of.items() if pod in pods}
    shown = {engine for engines in engines_of.values() for engine in engines}
    return {
        "pods": pods,
        "workloads": workloads,
        "models": _within(whole.models, namespace),
        "engines": {key: engine for key, engine in whole.engines.items() if key in shown},
        "origins": {key: origin for key, origin in whole.origins.items() if key in shown},
        "products": {key: products for key, products in whole.products.items() if key in workloads},
        "gateways_of": {key: rows for key, rows in whole.gateways_of.items() if key.startswith(f"{namespace}/")},
        "autoscalers": {key: row for key, row in whole.autoscalers.items() if key.startswith(f"{namespace}/")},
        "pods_of": {key: members for key, members in whole.pods_of.items() if key in workloads},
        "workload_of": {pod: workload for pod, workload in whole.workload_of.items() if pod in pods},
        "model_of": {key: model for key, model in whole.model_of.items() if key in workloads},
        "engines_of": engines_of,
        "gpus_of": {pod: gpus for pod, gpus in whole.gpus_of.items() if pod in pods},
        "budgets": tuple(row for row in whole.budgets if row.namespace == namespace),
        "events": tuple(row for row in whole.events if namespace == row.namespace or not row.involved.namespace),
        "unmatched": tuple(unmatched for unmatched in whole.unmatched if _concerns(unmatched, whole, namespace)),
    }


def _within(rows: Mapping[str, V], namespace: str) -> dict[str, V]:
    """What is in a namespace; and what names none, which may be of this one."""
    return {key: row for key, row in rows.items() if getattr(row, "namespace", "") in (namespace, "")}


def _concerns(unmatched: Unmatched, whole: Snapshot, namespace: str) -> bool:
    """Whether a join that could not be made is one of this namespace; GPUs are of the cluster."""
    match unmatched.join:
        case Join.GPU_WITHOUT_POD:
            gpu = whole.gpus.get(unmatched.key)
            return gpu is None or gpu.namespace in (namespace, "") or not gpu.pod
        case Join.METRICS_WITHOUT_POD:
            engine = whole.engines.get(unmatched.key)
            return engine is None or engine.namespace in (namespace, "")
        case _:
            return unmatched.key.startswith(f"{namespace}/")
