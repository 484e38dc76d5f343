"""Nodes and their GPUs as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.views.columns import Shown, drawn, ordered, shown_in
from console.views.empty_table import empty_text
from console.views.identity_cache import IdentityCache
from console.views.node_columns import COLUMNS, FREE, SICK, NodeColumn
from console.views.query import Query
from console.views.row_cells import Cells
from console.views.subject import TROUBLE, assessment_of, gpu_severity
from fleet.dataclass import dataclass
from fleet.model.severity import Severity, rank
from fleet.model.snapshot import GpuUse, Snapshot
from widgets.grid import GridColumn, GridRow, RowGroup, Sort, WorstFirst


@dataclass(frozen=True, slots=True, eq=False)
class NodesModel:
    """A GridModel."""

    snapshot: Snapshot
    groups: Sequence[RowGroup]
    sort: Sort | None
    waiting: str
    shown: Shown
    table: tuple[NodeColumn, ...]

    @property
    def columns(self) -> tuple[GridColumn, ...]:
        return drawn(self.table)

    def row(self, key: str) -> GridRow:
        shown, table = self.shown, self.table
        if key in self.snapshot.gpus and key not in self.snapshot.nodes:
            severity = gpu_severity(self.snapshot, key)
            return GridRow(key, Cells(len(table), lambda at: table[at].below(shown, key)), severity)
        severity = _worst(self.snapshot, key) if key in self.snapshot.nodes else Severity.UNKNOWN
        return GridRow(key, Cells(len(table), lambda at: table[at].top(shown, key)), severity)


_SORTED: IdentityCache[tuple[str, ...]] = IdentityCache()
_WORST: IdentityCache[Severity] = IdentityCache()


def nodes_model(snapshot: Snapshot, query: Query, order: WorstFirst) -> NodesModel:
    """Return nodes that have GPUs, and GPUs whose node Kubernetes does not show; with ``others`` every node."""
    names = [name for name in snapshot.nodes if query.others or _has_gpus(snapshot, name)]
    names += [name for name in snapshot.gpus_on if name not in snapshot.nodes]
    members = {name: _shown_gpus(snapshot, name, query) for name in names}
    if query.filter:
        members = {
            name: gpus
            for name, gpus in members.items()
            if gpus or query.filter.matches(_says_node(snapshot, name), _labels(snapshot, name))
        }
    keys: Sequence[str] = list(members)
    if query.sort is None:
        keys = order.order(keys, [_worst(snapshot, name) for name in keys], [0.0] * len(keys))
    else:
        keys = ordered(COLUMNS, snapshot, keys, query.sort)
    groups = [RowGroup(name, members[name]) for name in keys]
    return NodesModel(
        snapshot, groups, query.sort, _waiting(snapshot, query), Shown(snapshot), shown_in(COLUMNS, snapshot)
    )


def _has_gpus(snapshot: Snapshot, name: str) -> bool:
    return bool(snapshot.gpus_on.get(name)) or any(snapshot.nodes[name].gpus.values())


def _shown_gpus(snapshot: Snapshot, name: str, query: Query) -> tuple[str, ...]:
    """Return the GPUs of a node that match the filter, by index."""
    of = (snapshot.gpus_on, snapshot.gpus)
    gpus = _SORTED.get(name, of, lambda: tuple(sorted(of[0].get(name, ()), key=lambda key: _ordinal(snapshot, key))))
    if not query.filter:
        return gpus
    labels, node = _labels(snapshot, name), _says_node(snapshot, name)
    return tuple(key for key in gpus if query.filter.matches(f"{_says_gpu(snapshot, key)} {node}", labels))


def _ordinal(snapshot: Snapshot, key: str) -> tuple[int, str, str]:
    gpu = snapshot.gpus[key]
    return (int(gpu.ordinal) if gpu.ordinal.isdigit() else 1 << 30, gpu.instance_id, key)


def _says_node(snapshot: Snapshot, name: str) -> str:
    node = snapshot.nodes.get(name)
    return f"{name} {node.gpu_product if node else ''} {assessment_of(snapshot, name).reason}"


def _says_gpu(snapshot: Snapshot, key: str) -> str:
    gpu = snapshot.gpus[key]
    holders = " ".join(f"{namespace}/{pod}" for namespace, pod in gpu.holders)
    words = [FREE] if snapshot.use_of(key) is GpuUse.FREE else []
    words += [SICK] if gpu_severity(snapshot, key) in TROUBLE else []
    if model := served_model(snapshot, key):
        words.append(f"model:{model}")
    return f"{holders} {gpu.model} {gpu.uuid} {gpu.profile} {assessment_of(snapshot, key).reason} {' '.join(words)}"


def served_model(snapshot: Snapshot, gpu: str) -> str:
    """Return the model that the pod on a GPU serves; empty for none."""
    held = snapshot.gpus[gpu]
    workload = snapshot.workload_of.get(f"{held.namespace}/{held.pod}", "")
    found = snapshot.models.get(snapshot.model_of.get(workload, ""))
    return found.name if found is not None else ""


def _labels(snapshot: Snapshot, name: str) -> Mapping[str, str]:
    node = snapshot.nodes.get(name)
    return node.labels if node is not None else {}


def _worst(snapshot: Snapshot, name: str) -> Severity:
    """Return a node's severity: the worst of its GPUs and of the pods that hold them."""
    return _WORST.get(name, (snapshot.assessments, snapshot.nodes, snapshot.gpus_on), lambda: _of_node(snapshot, name))


def _of_node(snapshot: Snapshot, name: str) -> Severity:
    own = assessment_of(snapshot, name).severity if name in snapshot.nodes else Severity.UNKNOWN
    return min((own, *(gpu_severity(snapshot, key) for key in snapshot.gpus_on.get(name, ()))), key=rank)


def _waiting(snapshot: Snapshot, query: Query) -> str:
    if text := empty_text(snapshot, query):
        return text
    if snapshot.is_machine:
        return "NVML reports no GPU on this machine\na shows the machine itself"
    return "no node has GPUs\na shows the other nodes" if snapshot.nodes else "no nodes are visible"
