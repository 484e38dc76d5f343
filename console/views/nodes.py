"""Nodes and their GPUs as a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from console.views.empty import empty_text
from console.views.numbers import gpu_activity, number
from console.views.query import Query, by_number
from console.views.subject import assessment_of
from fleet.metrics.gpus.vendors import without_vendor
from fleet.model.objects import Node
from fleet.model.quantity import Quantity, Unit
from fleet.model.reading import Reading
from fleet.model.snapshot import GpuUse, Severity, Snapshot
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Name, Number, Spans, Text, Usage
from widgets.grid import Column, Group, Row, Sort, Standing, WorstFirst
from widgets.line import Span
from widgets.severity import severity_role
from widgets.untrusted import untrusted, untrusted_name

COLUMNS: tuple[Column, ...] = (
    Column("name", "NODE · GPU", 20, align="left", grow=2, widest=44, priority=0),
    Column("free", "FREE", 5, priority=2),
    Column("pod", "POD", 18, align="left", grow=3, widest=60, priority=3),
    Column("util", "UTIL%", 5, priority=1),
    Column("sm", "SM%", 4, priority=8),
    Column("dram", "DRAM%", 5, priority=9),
    Column("memory", "MEMORY", 9, "%", align="left", grow=1, widest=16, priority=4),
    Column("temp", "°C", 4, priority=1),
    Column("power", "W", 4, priority=5),
    Column("clock", "MHZ", 5, priority=7),
    Column("throttle", "THR%", 4, priority=6),
    Column("xid", "XID", 4, priority=2),
    Column("why", "", 10, align="left", grow=3, widest=60, priority=4),
)

_NUMBERS: Mapping[str, Quantity] = {
    "util": Quantity.GPU_UTIL,
    "sm": Quantity.SM_ACTIVE,
    "dram": Quantity.DRAM_ACTIVE,
    "temp": Quantity.GPU_TEMPERATURE,
    "power": Quantity.GPU_POWER,
    "clock": Quantity.SM_CLOCK,
    "throttle": Quantity.THROTTLE,
    "xid": Quantity.XID,
}


@dataclass(frozen=True, slots=True, eq=False)
class NodesModel:
    """A GridModel."""

    snapshot: Snapshot
    groups: Sequence[Group]
    sort: Sort | None
    waiting: str
    columns: tuple[Column, ...] = COLUMNS

    def row(self, key: str) -> Row:
        node = self.snapshot.nodes.get(key)
        if node is not None:
            return _node_row(self.snapshot, node)
        if key in self.snapshot.gpus:
            return _gpu_row(self.snapshot, key)
        return _unseen_node_row(key)


def nodes_model(snapshot: Snapshot, query: Query, order: WorstFirst) -> NodesModel:
    """Nodes that have GPUs, and GPUs whose node Kubernetes does not show; with ``others`` every node."""
    names = [name for name in snapshot.nodes if query.others or _has_gpus(snapshot, name)]
    names += [name for name in snapshot.gpus_on if name not in snapshot.nodes]
    members = {name: _shown(snapshot, name, query) for name in names}
    if query.filter:
        members = {
            name: gpus
            for name, gpus in members.items()
            if gpus or query.filter.matches(_says_node(snapshot, name), _labels(snapshot, name))
        }
    if query.sort is None:
        keys = order.order(Standing(name, _worst(snapshot, name), 0.0, name) for name in members)
    elif query.sort.column == "name":
        keys = sorted(members, reverse=query.sort.descending)
    else:
        value = _node_value(snapshot, query.sort.column)
        keys = by_number(members, value, descending=query.sort.descending)
    groups = [Group(name, members[name]) for name in keys]
    return NodesModel(snapshot, groups, query.sort, _waiting(snapshot, query))


def _has_gpus(snapshot: Snapshot, name: str) -> bool:
    return bool(snapshot.gpus_on.get(name)) or any(snapshot.nodes[name].gpus.values())


def _shown(snapshot: Snapshot, name: str, query: Query) -> tuple[str, ...]:
    """The GPUs of a node that the filter lets through, by their ordinal."""
    gpus = sorted(snapshot.gpus_on.get(name, ()), key=lambda key: _ordinal(snapshot, key))
    if not query.filter:
        return tuple(gpus)
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
    return f"{holders} {gpu.model} {gpu.uuid} {gpu.profile} {assessment_of(snapshot, key).reason}"


def _labels(snapshot: Snapshot, name: str) -> Mapping[str, str]:
    node = snapshot.nodes.get(name)
    return node.labels if node is not None else {}


def _worst(snapshot: Snapshot, name: str) -> Severity:
    """A node stands as badly as the worst of its GPUs."""
    order = list(Severity)
    own = assessment_of(snapshot, name).severity if name in snapshot.nodes else Severity.UNKNOWN
    gpus = (assessment_of(snapshot, key).severity for key in snapshot.gpus_on.get(name, ()))
    return min((own, *gpus), key=order.index)


def _node_value(snapshot: Snapshot, column: str) -> Callable[[str], float]:
    """What nodes are sorted by: free GPUs, else the highest value of their GPUs."""
    if column == "free":
        return lambda name: float(snapshot.free_gpus[name][0]) if name in snapshot.free_gpus else math.nan
    quantity = Quantity.GPU_MEMORY_USED if column == "memory" else _NUMBERS[column]

    def highest(name: str) -> float:
        values = (snapshot.by_gpu.value(key, quantity) for key in snapshot.gpus_on.get(name, ()))
        return max((v for v in values if not math.isnan(v)), default=math.nan)

    return highest


def _waiting(snapshot: Snapshot, query: Query) -> str:
    if said := empty_text(snapshot, query):
        return said
    if snapshot.is_machine:
        return "this machine has no GPU that NVML knows of\na shows the machine itself"
    return "no node has GPUs\na shows the other nodes" if snapshot.nodes else "no nodes can be seen"


# rows


def _row(key: str, cells: Mapping[str, Cell], severity: Severity | None) -> Row:
    return Row(key, tuple(cells.get(column.id, NOTHING) for column in COLUMNS), severity)


def _node_row(snapshot: Snapshot, node: Node) -> Row:
    own = assessment_of(snapshot, node.name)
    cells: dict[str, Cell] = {"name": Text(untrusted_name(node.name), Role.STRONG)}
    if node.name in snapshot.free_gpus:
        free, total = snapshot.free_gpus[node.name]
        cells["free"] = Text(f"{free}/{total}", Role.OK if free else Role.DIM)
    elif any(node.gpus.values()):
        cells["free"] = Text(f"?/{sum(node.gpus.values())}", Role.UNKNOWN)
    cells["pod"] = Text(untrusted(node.gpu_product or ", ".join(node.gpus)), Role.DIM)
    taints = ", ".join(
        f"{key}={value}:{effect}" if value else f"{key}:{effect}"
        for key, value, effect in node.taints
        if key not in node.gpus
    )
    spans = [Span(untrusted(own.reason), severity_role(own.severity))] if own.reason else []
    if taints:
        spans.append(Span(f"{' ' if spans else ''}{untrusted(taints)}", Role.DIM))
    cells["why"] = Spans(tuple(spans))
    return _row(node.name, cells, _worst(snapshot, node.name))


def _unseen_node_row(name: str) -> Row:
    cells: dict[str, Cell] = {
        "name": Text(untrusted(name) or "unknown node", Role.STRONG),
        "why": Text("no such node in Kubernetes", Role.UNKNOWN),
    }
    return _row(name, cells, Severity.UNKNOWN)


def _gpu_row(snapshot: Snapshot, key: str) -> Row:
    gpu, standing = snapshot.gpus[key], assessment_of(snapshot, key)
    profile = f" {gpu.profile}" if gpu.profile else ""
    product = without_vendor(gpu.model)
    cells: dict[str, Cell] = {
        "name": Spans(
            (
                Span(untrusted(f"GPU {gpu.ordinal}{profile}")),
                Span(f" {untrusted(product)}" if product else "", Role.DIM),
            )
        ),
        "pod": _holder(snapshot, key),
        "memory": _memory(snapshot, key),
        "why": Text(untrusted(standing.reason), severity_role(standing.severity)),
    }
    cells |= {column: number(snapshot.by_gpu, key, quantity) for column, quantity in _NUMBERS.items()}
    cells["util"] = gpu_activity(snapshot.by_gpu, key)
    return _row(key, cells, standing.severity)


def _holder(snapshot: Snapshot, key: str) -> Cell:
    """The pod that the exporter names, with its namespace where that is out of view, and how many others share it;
    else what the accounting says.
    """
    gpu = snapshot.gpus[key]
    others = f" +{len(gpu.sharers)}" if gpu.sharers else ""
    if gpu.pod and snapshot.cluster.namespace in ("", gpu.namespace):
        return Name(untrusted_name(gpu.pod) + others)
    if gpu.pod:
        return Text(f"{untrusted_name(gpu.namespace)}/{untrusted_name(gpu.pod)}" + others, Role.DIM)
    match snapshot.use_of(key):
        case GpuUse.FREE:
            return Text("free", Role.OK)
        case GpuUse.UNNAMED:
            return Text("held, no pod named", Role.DIM)
        case _:
            return Text("not known", Role.UNKNOWN)


def _memory(snapshot: Snapshot, key: str) -> Cell:
    """Memory in use of all of it; the bytes alone where the exporter does not say how much there is."""
    used = snapshot.by_gpu.get(key, Quantity.GPU_MEMORY_USED)
    total = snapshot.by_gpu.get(key, Quantity.GPU_MEMORY_TOTAL)
    if used.known and total.known and total.value > 0:
        return Usage(Reading(used.value / total.value, max(used.state, total.state), used.age))
    return Number(used, Unit.BYTES)
