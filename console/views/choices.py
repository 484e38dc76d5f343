"""Cells beside the names of namespaces and contexts: their state, and the target of a context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from console.views.subject import TROUBLE, assessment_of
from fleet.model.objects import FINISHED
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Text
from widgets.grid import GridColumn
from widgets.untrusted import untrusted

OF_NAMESPACES: Final = (
    GridColumn("sick", "SICK", 5, priority=1),
    GridColumn("pods", "PODS", 6, priority=1),
    GridColumn("gpus", "GPUS", 6, priority=1),
)
OF_CONTEXTS: Final = (
    GridColumn("server", "SERVER", 24, align="left", grow=2, widest=60, priority=1),
    GridColumn("user", "USER", 12, align="left", grow=1, widest=40, priority=1),
    GridColumn("namespace", "NAMESPACE", 12, align="left", priority=2),
)


def beside_namespaces(snapshot: Snapshot | None) -> Mapping[str, tuple[Cell, ...]]:
    """Return cells by namespace; the empty one means all. A namespace with unknown pods has none."""
    if snapshot is None:
        return {}
    whole = snapshot.everything
    pods: Counter[str] = Counter()
    gpus: Counter[str] = Counter()
    sick: Counter[str] = Counter()
    worst: set[str] = set()
    for key, pod in whole.pods.items():
        severity = assessment_of(whole, key).severity
        for name in (pod.namespace, ""):
            pods[name] += 1
            gpus[name] += 0 if pod.phase in FINISHED else pod.gpus
            sick[name] += severity in TROUBLE
            if severity is Severity.CRITICAL:
                worst.add(name)
    return {name: (_sick(sick[name], name in worst), _number(pods[name]), _number(gpus[name])) for name in pods}


def _sick(count: int, critical: bool) -> Cell:
    return Text(str(count), Role.CRITICAL if critical else Role.WARNING) if count else NOTHING


def _number(count: int) -> Cell:
    return Text(str(count)) if count else NOTHING


def beside_contexts(about: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[Cell, ...]]:
    """Cells by context."""
    return {name: tuple(Text(untrusted(fact), Role.DIM) for fact in facts) for name, facts in about.items()}
