"""The fleet as tables on stdout: workloads with their pods, models, pods, nodes and GPUs, each worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from console.report.sheets.columns import NAMED, OF_GPUS, SERVING, SIGN, WHY, columns_of, numbers, standing
from console.report.sheets.sheet import DRAWN, WIDE, Sheet, SheetCell, SheetColumn, SheetRow, number, words
from console.views.empty_table import unknown_pods
from console.views.subject import assessment_of, restarts_of
from fleet.model.objects import ModelVersion, Node, Pod, Workload
from fleet.model.quantity import Quantity
from fleet.model.severity import rank
from fleet.model.snapshot import GpuUse, Health, ModelGroup, Snapshot
from themes.glyphs import Glyphs
from widgets.untrusted import untrusted, untrusted_line, untrusted_name
from widgets.values import age_text

_STATE: Final = SheetColumn("state", "READY", least=9)
_RESTARTS: Final = SheetColumn("restarts", "RESTARTS", align="right", priority=3)
_CREATED: Final = SheetColumn("created", "AGE", align="right", priority=3)
_IMAGE: Final = SheetColumn("image", "IMAGE", least=12, keep="end", shown=WIDE)
_MODEL: Final = SheetColumn("model", "MODEL", least=12, keep="end", shown=WIDE)
_NODE: Final = SheetColumn("node", "NODE", least=12, keep="end", priority=5)
_NAME: Final = NAMED[2]
_NAMESPACE: Final = NAMED[1]


def _drawn(title: str) -> SheetColumn:
    """Return the display column that replaces namespace and name. The end of a name identifies a pod among its
    siblings.
    """
    return SheetColumn("", title, least=20, keep="end", shown=DRAWN)


def fleet_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """Workloads with their pods below them."""
    columns = (
        SIGN, *NAMED, _drawn("WORKLOAD / POD")._replace(keep="tree"), _STATE, *columns_of(SERVING),
        _RESTARTS._replace(shown=WIDE), _CREATED._replace(shown=WIDE), WHY, _NODE, _IMAGE, _MODEL,
    )  # fmt: skip
    rows = []
    for workload in worst_workloads(snapshot):
        rows.append(_workload_row(snapshot, workload, glyphs))
        rows += [_pod_row(snapshot, pod, glyphs) for pod in _worst(snapshot, _pods_of(snapshot, workload.key))]
    return Sheet(columns, tuple(rows), empty=no_rows(snapshot), gap=1)


def _workload_row(snapshot: Snapshot, workload: Workload, glyphs: Glyphs) -> SheetRow:
    sign, why = standing(snapshot, workload.key, glyphs)
    cells = (
        sign,
        *_named(workload.kind, workload.namespace, workload.name),
        SheetCell(_workload_text(snapshot, workload)),
        words(f"{workload.ready}/{workload.desired}"),
        *numbers(snapshot.by_workload, workload.key, SERVING, glyphs),
        number(restarts_of(snapshot, workload.key), glyphs),
        _age(workload.created, snapshot.at, glyphs),
        why,
        SheetCell(""),
        *_version(workload.version),
    )
    return SheetRow(workload.key, f"{workload.kind.lower()}/{untrusted_name(workload.name)}", cells)


def _pod_row(snapshot: Snapshot, pod: Pod, glyphs: Glyphs) -> SheetRow:
    sign, why = standing(snapshot, pod.key, glyphs)
    cells = (
        sign,
        *_named("Pod", pod.namespace, pod.name),
        SheetCell(f"  {untrusted_name(pod.name)}"),
        words(untrusted(pod.status)),
        *numbers(snapshot.by_pod, pod.key, SERVING, glyphs),
        number(pod.restarts, glyphs),
        _age(pod.created, snapshot.at, glyphs),
        why,
        _name(pod.node),
        *_version(pod.version),
    )
    return SheetRow(pod.key, f"pod/{untrusted_name(pod.name)}", cells)


def workloads_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """Workloads alone."""
    whole = fleet_sheet(snapshot, glyphs)
    rows = tuple(row for row in whole.rows if row.key in snapshot.workloads)
    columns = tuple(column._replace(title=column.title.removesuffix(" / POD")) for column in whole.columns)
    return Sheet(columns, rows, empty=whole.empty, gap=1)


def pods_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """Pods, the worst of the cluster first, each with its namespace."""
    columns = (
        SIGN, _NAMESPACE, _NAME, _drawn("POD"), _STATE._replace(title="STATUS"), _RESTARTS, _CREATED,
        *columns_of(SERVING), SheetColumn("gpus", "GPUS", align="right", shown=WIDE), WHY, _NODE,
        SheetColumn("ip", "IP", shown=WIDE), SheetColumn("workload", "WORKLOAD", shown=WIDE), _IMAGE, _MODEL,
    )  # fmt: skip
    rows = []
    for pod in _worst(snapshot, snapshot.pods.values()):
        sign, why = standing(snapshot, pod.key, glyphs)
        _, *named = _named("Pod", pod.namespace, pod.name)
        cells = (
            sign,
            *named,
            SheetCell(f"{untrusted_name(pod.namespace)}/{untrusted_name(pod.name)}"),
            words(untrusted(pod.status)),
            number(pod.restarts, glyphs),
            _age(pod.created, snapshot.at, glyphs),
            *numbers(snapshot.by_pod, pod.key, SERVING, glyphs),
            number(pod.gpus, glyphs),
            why,
            _name(pod.node),
            words(untrusted(pod.ip)),
            _name(snapshot.workload_of.get(pod.key, "")),
            *_version(pod.version),
        )
        rows.append(SheetRow(pod.key, f"pod/{untrusted_name(pod.name)}", cells))
    return Sheet(columns, tuple(rows), empty=no_rows(snapshot), gap=1)


def models_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """Return the table of served models, by what serves them."""
    serving = tuple(one for one in SERVING if one.quantity not in (Quantity.GPU_UTIL, Quantity.GPU_TEMPERATURE))
    columns = (
        SIGN, _NAMESPACE, _NAME, _drawn("MODEL")._replace(keep="start"), SheetColumn("replicas", "READY"),
        *columns_of(serving), WHY, SheetColumn("workloads", "WORKLOADS", least=16, priority=4),
    )  # fmt: skip

    def row(model: ModelGroup) -> SheetRow:
        of = [snapshot.workloads[key] for key in model.workloads if key in snapshot.workloads]
        worst = min(of, key=lambda one: rank(assessment_of(snapshot, one.key).severity), default=None)
        sign, why = standing(snapshot, worst.key if worst is not None else model.key, glyphs)
        cells = (
            sign,
            words(untrusted_name(model.namespace)),
            words(untrusted_name(model.name)),
            SheetCell(f"{untrusted_name(model.namespace)}/{untrusted_name(model.name)}"),
            words(f"{sum(one.ready for one in of)}/{sum(one.desired for one in of)}"),
            *numbers(snapshot.by_model, model.key, serving, glyphs),
            why,
            words(", ".join(untrusted_name(one.name) for one in of)),
        )
        return SheetRow(model.key, f"model/{untrusted_name(model.name)}", cells)

    rows = sorted(map(row, snapshot.models.values()), key=lambda one: _sorted_by(snapshot, one))
    return Sheet(columns, tuple(rows), empty="no model is served here, as far as is known", gap=1)


def _sorted_by(snapshot: Snapshot, row: SheetRow) -> tuple[int, str]:
    workloads = snapshot.models[row.key].workloads
    return min((rank(assessment_of(snapshot, key).severity) for key in workloads), default=99), row.key


def nodes_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """Nodes, with the GPUs that are free on each."""
    columns = (
        SIGN, SheetColumn("name", "NODE", least=20, keep="end"), SheetColumn("status", "STATUS"),
        SheetColumn("gpus_free", "FREE", align="right"), SheetColumn("gpus", "GPUS", align="right"),
        SheetColumn("product", "PRODUCT", least=10, keep="end", priority=3), _CREATED, WHY,
        SheetColumn("kubelet", "KUBELET", shown=WIDE), SheetColumn("address", "ADDRESS", shown=WIDE),
        SheetColumn("taints", "TAINTS", least=12, shown=WIDE),
    )  # fmt: skip

    def row(node: Node) -> SheetRow:
        sign, why = standing(snapshot, node.name, glyphs)
        taints = ", ".join(f"{key}={value}:{effect}".replace("=:", ":") for key, value, effect in node.taints)
        free = snapshot.free_gpus.get(node.name)
        total = free[1] if free is not None else sum(node.gpus.values())
        cells = (
            sign,
            words(untrusted_name(node.name)),
            words(_ready(node)),
            number(free[0], glyphs) if free is not None else SheetCell(glyphs.unknown if total else glyphs.missing),
            number(total, glyphs),
            words(untrusted(node.gpu_product or ", ".join(node.gpus))),
            _age(node.created, snapshot.at, glyphs),
            why,
            words(untrusted(node.kubelet)),
            words(untrusted(node.address)),
            words(untrusted_line(taints)),
        )
        return SheetRow(node.name, f"node/{untrusted_name(node.name)}", cells)

    nodes = sorted(snapshot.nodes.values(), key=lambda one: (_rank(snapshot, one.name), one.name))
    return Sheet(columns, tuple(map(row, nodes)), empty="no nodes are visible", gap=1)


def _ready(node: Node) -> str:
    ready = {"True": "Ready", "False": "NotReady"}.get(node.ready, "Unknown")
    return f"{ready},SchedulingDisabled" if node.unschedulable else ready


_USES: Final[Mapping[GpuUse, str]] = {
    GpuUse.FREE: "free",
    GpuUse.UNNAMED: "held, no pod named",
    GpuUse.UNKNOWN: "not known",
}


def gpus_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """GPUs and MIG instances, by their nodes, with their holders."""
    columns = (
        SIGN, SheetColumn("node", "NODE", least=12, keep="end"), SheetColumn("gpu", "GPU", align="right"),
        SheetColumn("holder", "POD", least=20, keep="end"), *columns_of(OF_GPUS), WHY,
        SheetColumn("product", "PRODUCT", least=10, keep="end", priority=4), SheetColumn("uuid", "UUID", shown=WIDE),
    )  # fmt: skip
    rows = []
    ordered = sorted(snapshot.gpus.items(), key=lambda one: (one[1].node, one[1].ordinal.zfill(4), one[0]))
    for key, gpu in ordered:
        sign, why = standing(snapshot, key, glyphs)
        holders = ", ".join(f"{untrusted_name(space)}/{untrusted_name(pod)}" for space, pod in gpu.holders)
        ordinal = f"{gpu.ordinal} {gpu.profile}" if gpu.profile else gpu.ordinal
        cells = (
            sign,
            words(untrusted(gpu.node)),
            words(untrusted(ordinal)),
            SheetCell(holders or _USES.get(snapshot.use_of(key), ""), holders or None),
            *numbers(snapshot.by_gpu, key, OF_GPUS, glyphs),
            why,
            words(untrusted(gpu.model)),
            words(untrusted(key)),
        )
        rows.append(SheetRow(key, f"gpu/{untrusted(key)}", cells))
    return Sheet(columns, tuple(rows), empty="no GPU exporter is known here", gap=1)


def no_rows(snapshot: Snapshot) -> str:
    """Reason for no workload to show."""
    source = snapshot.of_objects
    if source is not None and source.health is Health.STARTING:
        return "waiting for the cluster's first answer"
    if snapshot.is_machine:
        return "no vLLM server on this machine"
    return untrusted(unknown_pods(snapshot)) or "no pods"


def worst_workloads(snapshot: Snapshot) -> list[Workload]:
    """Sorted by severity, then by who waits the most, then by name."""

    def order(workload: Workload) -> tuple[int, float, str]:
        waiting = snapshot.by_workload.value(workload.key, Quantity.WAITING)
        return _rank(snapshot, workload.key), -waiting if waiting > 0 else 0.0, workload.key

    return sorted(snapshot.workloads.values(), key=order)


def _pods_of(snapshot: Snapshot, workload: str) -> Iterator[Pod]:
    return (snapshot.pods[key] for key in snapshot.pods_of.get(workload, ()))


def _worst(snapshot: Snapshot, pods: Iterable[Pod]) -> list[Pod]:
    return sorted(pods, key=lambda pod: (_rank(snapshot, pod.key), pod.key))


def _rank(snapshot: Snapshot, key: str) -> int:
    return rank(assessment_of(snapshot, key).severity)


def _workload_text(snapshot: Snapshot, workload: Workload) -> str:
    model = snapshot.models.get(snapshot.model_of.get(workload.key, ""))
    serves = f" ({untrusted_name(model.name)})" if model and model.name != workload.name else ""
    return f"{untrusted_name(workload.namespace)}/{untrusted_name(workload.name)}{serves}"


def _named(kind: str, namespace: str, name: str) -> tuple[SheetCell, SheetCell, SheetCell]:
    return words(kind), words(untrusted_name(namespace)), words(untrusted_name(name))


def _age(created: float, now: float, glyphs: Glyphs) -> SheetCell:
    return number(created or None, glyphs, age_text(max(0.0, now - created)))


def _name(name: str) -> SheetCell:
    """Return a name, or nothing if it is empty: a pending pod has no node, rather than a node without a name."""
    return words(untrusted_name(name) if name else "")


def _version(version: ModelVersion) -> tuple[SheetCell, SheetCell]:
    model = f"{version.model}@{version.revision}" if version.revision else version.model
    return words(untrusted(version.image)), words(untrusted(model))
