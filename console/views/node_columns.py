"""The columns of nodes and their GPUs, with the cells of a node and of a GPU.

A row is a key: for an object that exporters name and Kubernetes does not show, there is nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from console.views.columns import Shown, TableColumn, blank
from console.views.number_cells import gpu_activity, number
from console.views.root_words import found_at, marked
from console.views.subject import assessment_of, sick_holder
from fleet.model.counting import count
from fleet.model.frame import Frame
from fleet.model.gpu_vendors import without_vendor
from fleet.model.quantity import Quantity, Unit
from fleet.model.reading import Reading
from fleet.model.severity import Severity
from fleet.model.snapshot import GpuUse, Snapshot
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Name, Number, Spans, Text, Usage
from widgets.grid import GridColumn
from widgets.line import Span
from widgets.severity import severity_role
from widgets.untrusted import untrusted, untrusted_name

NodeColumn = TableColumn[str, str]
FREE, SICK = "is:free", "is:sick"
"""Filter words for a free GPU, and for one that is unhealthy or whose pod is."""


def highest(quantity: Quantity) -> Callable[[Snapshot, str], float]:
    """Return the order of nodes by the highest value of their GPUs."""

    def value(snapshot: Snapshot, node: str) -> float:
        values = (snapshot.by_gpu.value(key, quantity) for key in snapshot.gpus_on.get(node, ()))
        return max((v for v in values if not math.isnan(v)), default=math.nan)

    return value


def measured(
    column: GridColumn,
    quantity: Quantity,
    key: str = "",
    words: str = "",
    *,
    draw: Callable[[Frame, str, Quantity], Cell] = number,
) -> NodeColumn:
    """A quantity of GPUs."""
    return TableColumn(
        column,
        blank,
        lambda shown, gpu: draw(shown.snapshot.by_gpu, gpu, quantity),
        highest(quantity),
        quantity=quantity,
        key=key,
        words=words,
    )


def _name(shown: Shown, node: str) -> Cell:
    known = node in shown.snapshot.nodes
    return Text(untrusted_name(node) if known else untrusted(node) or "unknown node", Role.STRONG)


def _gpu_name(shown: Shown, key: str) -> Cell:
    """The name of a GPU; its product only where the cards of its node are not all of one."""
    gpu = shown.snapshot.gpus[key]
    profile = f" {gpu.profile}" if gpu.profile else ""
    product = without_vendor(gpu.model) if len(_products(shown.snapshot, gpu.node)) > 1 else ""
    return Spans(
        (Span(untrusted(f"GPU {gpu.ordinal}{profile}")), Span(f" {untrusted(product)}" if product else "", Role.DIM))
    )


def _free(shown: Shown, node: str) -> Cell:
    row = shown.snapshot.nodes.get(node)
    if row is None:
        return NOTHING
    if node in shown.snapshot.free_gpus:
        free, total = shown.snapshot.free_gpus[node]
        return Text(f"{free}/{total}", Role.OK if free else Role.DIM)
    return Text(f"?/{sum(row.gpus.values())}", Role.UNKNOWN) if any(row.gpus.values()) else NOTHING


def _by_free(snapshot: Snapshot, node: str) -> float:
    return float(snapshot.free_gpus[node][0]) if node in snapshot.free_gpus else math.nan


def _products(snapshot: Snapshot, node: str) -> dict[str, None]:
    models = (snapshot.gpus[key].model for key in snapshot.gpus_on.get(node, ()))
    return dict.fromkeys(without_vendor(model) for model in models if model)


def _product(shown: Shown, node: str) -> Cell:
    """Return the product of a node's cards: from their exporter, else its label, else the resource."""
    row, measured_ = shown.snapshot.nodes.get(node), _products(shown.snapshot, node)
    products = ", ".join(measured_) or (row.gpu_product or ", ".join(row.gpus) if row is not None else "")
    return Text(untrusted(products), Role.DIM) if products else NOTHING


def _holder(shown: Shown, key: str) -> Cell:
    """Return the pod named by the exporter, with its namespace if that is out of view, and the number of other sharers;
    else the result of the accounting.
    """
    snapshot, gpu = shown.snapshot, shown.snapshot.gpus[key]
    others = f" +{len(gpu.sharers)}" if gpu.sharers else ""
    if gpu.pod and snapshot.cluster.namespace in ("", gpu.namespace):
        # Where what is wrong is the pod's, its name has the colour, too.
        sick = sick_holder(snapshot, key)
        role = severity_role(assessment_of(snapshot, sick).severity) if sick else Role.TEXT
        return Name(untrusted_name(gpu.pod) + others, role)
    if gpu.pod:
        return Text(f"{untrusted_name(gpu.namespace)}/{untrusted_name(gpu.pod)}" + others, Role.DIM)
    match snapshot.use_of(key):
        case GpuUse.FREE if assessment_of(snapshot, key).severity is Severity.CRITICAL:
            # The accounting shows it nevertheless.
            return Text("free, unhealthy", Role.CRITICAL)
        case GpuUse.FREE:
            return Text("free", Role.OK)
        case GpuUse.UNNAMED:
            return Text("held, no pod named", Role.DIM)
        case _:
            return Text("not known", Role.UNKNOWN)


def _memory(shown: Shown, key: str) -> Cell:
    """Return memory used and total; the used bytes alone if the total is unknown."""
    used = shown.snapshot.by_gpu.get(key, Quantity.GPU_MEMORY_USED)
    total = shown.snapshot.by_gpu.get(key, Quantity.GPU_MEMORY_TOTAL)
    if used.known and total.known and total.value > 0:
        return Usage(Reading(used.value / total.value, max(used.state, total.state), used.age))
    return Number(used, Unit.BYTES)


def _activity(frame: Frame, key: str, quantity: Quantity) -> Cell:
    del quantity
    return gpu_activity(frame, key)


def _assessment(shown: Shown, node: str) -> Cell:
    row = shown.snapshot.nodes.get(node)
    if row is None:
        return Text("no such node in Kubernetes", Role.UNKNOWN)
    own = assessment_of(shown.snapshot, node)
    taints = ", ".join(
        f"{key}={value}:{effect}" if value else f"{key}:{effect}"
        for key, value, effect in row.taints
        if key not in row.gpus
    )
    reason = own.reason or found_at(shown.snapshot, node)
    spans = [Span(untrusted(reason), severity_role(own.severity))] if reason else []
    if trouble := _below(shown.snapshot, node):
        spans.append(Span(f"{', ' if spans else ''}{trouble}", Role.WARNING))
    if taints:
        spans.append(Span(f"{' ' if spans else ''}{untrusted(taints)}", Role.DIM))
    return marked(shown.snapshot, node, Spans(tuple(spans)))


def _below(snapshot: Snapshot, node: str) -> str:
    """Return ``1 GPU unhealthy, 2 pods sick``: a summary of its rows, in case they are out of sight."""
    gpus = snapshot.gpus_on.get(node, ())
    unhealthy = sum(assessment_of(snapshot, gpu).severity is Severity.CRITICAL for gpu in gpus)
    sick = {pod for gpu in gpus if (pod := sick_holder(snapshot, gpu))}
    parts = [f"{unhealthy} unhealthy"] if unhealthy else []
    parts += [f"{count(len(sick), 'sick pod')}"] if sick else []
    return ", ".join(parts)


def _gpu_why(shown: Shown, gpu: str) -> Cell:
    """Return what is wrong with a GPU; for a healthy one, what is wrong with the pod that holds it."""
    snapshot = shown.snapshot
    standing = assessment_of(snapshot, gpu)
    holder = "" if standing.reason else sick_holder(snapshot, gpu)
    if holder:
        standing = assessment_of(snapshot, holder)
        return Text(untrusted(standing.reason or standing.severity), severity_role(standing.severity))
    reason = standing.reason or found_at(snapshot, gpu)
    return marked(snapshot, gpu, Text(untrusted(reason), severity_role(standing.severity)))


COLUMNS: tuple[NodeColumn, ...] = (
    TableColumn(
        GridColumn("name", "NODE · GPU", 20, align="left", grow=2, widest=44, priority=0),
        _name,
        _gpu_name,
        name=lambda _, node: (node,),
    ),
    TableColumn(GridColumn("free", "FREE", 5, priority=2), _free, blank, _by_free, key="F", words="free GPUs"),
    TableColumn(GridColumn("pod", "POD", 18, align="left", grow=3, widest=60, priority=3), _product, _holder),
    TableColumn(
        # Of a node it runs on through the numbers, which are those of its GPUs.
        GridColumn("why", "STATUS", 16, align="left", grow=3, widest=60, priority=2, share=0.2, explains=True),
        _assessment,
        _gpu_why,
    ),
    measured(GridColumn("util", "UTIL%", 5, priority=1), Quantity.GPU_UTIL, "U", "GPU utilisation", draw=_activity),
    measured(GridColumn("sm", "SM%", 4, priority=8), Quantity.SM_ACTIVE),
    measured(GridColumn("dram", "DRAM%", 5, priority=9), Quantity.DRAM_ACTIVE),
    TableColumn(
        GridColumn("memory", "MEM%", 4, grow=1, widest=16, priority=4),
        blank,
        _memory,
        highest(Quantity.GPU_MEMORY_USED),
        quantity=Quantity.GPU_MEMORY_USED,
        key="M",
        words="GPU memory",
    ),
    measured(GridColumn("temp", "°C", 4, priority=1), Quantity.GPU_TEMPERATURE, "H", "heat"),
    measured(GridColumn("power", "W", 4, priority=5), Quantity.GPU_POWER, "P", "power"),
    measured(GridColumn("clock", "MHZ", 5, priority=7), Quantity.SM_CLOCK),
    measured(GridColumn("throttle", "THR%", 4, priority=6), Quantity.THROTTLE),
    measured(GridColumn("xid", "XID", 4, priority=2), Quantity.XID),
)
