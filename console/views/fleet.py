"""The fleet as a table: workloads, worst first, and their pods."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from console.views.empty import empty_text
from console.views.numbers import SCALES, gpu_activity, number, usage
from console.views.products import product_of, products_of
from console.views.query import LazyKeys, Query, by_number
from console.views.since import coarse
from console.views.subject import assessment_of, reason_of
from fleet.model.frame import Frame
from fleet.model.objects import ModelVersion, Pod, Workload
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Join, Severity, Snapshot
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Name, Spans, Story, Text
from widgets.grid import Column, Group, Row, Sort, Standing, WorstFirst
from widgets.line import Span
from widgets.severity import severity_role
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text

COLUMNS: tuple[Column, ...] = (
    Column("name", "MODEL · WORKLOAD", 24, align="left", grow=2, widest=56, priority=0),
    Column("ready", "READY", 5, priority=1),
    Column("node", "NODE", 10, align="left", grow=1, widest=24, priority=9),
    Column("rev", "REV", 8, align="left", widest=14, grow=1, priority=10),
    Column("run", "RUN", 4, priority=5),
    Column("wait", "WAIT", 4, priority=1),
    Column("kv", "KV", 8, "%", align="left", grow=1, widest=20, priority=1),
    Column("tok", "TOK/S", 6, priority=6),
    Column("ttft", "TTFT95", 7, priority=1),
    Column("itl", "ITL95", 6, priority=6),
    Column("err", "ERR%", 4, priority=7),
    Column("gpu", "GPU%", 4, priority=2),
    Column("temp", "°C", 3, priority=3),
    Column("memory", "MEM", 7, priority=11),
    Column("restarts", "RESTARTS", 8, priority=8),
    Column("story", "15 MIN WAIT", 16, align="left", grow=4, widest=60, priority=4),
)
"""In the order of a reader: what it is, how it is loaded, what users feel, what the hardware does."""

_ENGINE = Column("engine", "ENGINE", 8, align="left", widest=20, grow=1, priority=9)
"""Where a fleet runs more than one product."""
_GATEWAYS = (
    Column("queued", "GW WAIT", 7, priority=3),
    Column("rejected", "REJ/S", 6, priority=3),
    Column("retried", "RETRY/S", 7, priority=9),
)
"""What the gateways before a model say, where there are some."""

STRIP_POINTS = 60

_NUMBERS: Mapping[str, Quantity] = {
    "run": Quantity.RUNNING,
    "wait": Quantity.WAITING,
    "kv": Quantity.KV_USAGE,
    "tok": Quantity.GENERATION_TOKENS,
    "ttft": Quantity.TTFT_P95,
    "itl": Quantity.ITL_P95,
    "err": Quantity.ERROR_RATIO,
    "gpu": Quantity.GPU_UTIL,
    "temp": Quantity.GPU_TEMPERATURE,
    "memory": Quantity.GPU_MEMORY_USED,
}
_BEFORE_MODELS: Mapping[str, Quantity] = {
    "queued": Quantity.GATEWAY_QUEUED,
    "rejected": Quantity.GATEWAY_REJECTIONS,
    "retried": Quantity.GATEWAY_RETRIES,
}
SORTABLE = frozenset({*_NUMBERS, "name", "ready", "age", "restarts"})
"""Columns (and the age, which has none of its own) that the table can be sorted by."""

_OF_GPUS = frozenset({Quantity.GPU_UTIL, Quantity.GPU_TEMPERATURE, Quantity.GPU_MEMORY_USED})


class FleetOrder:
    """Worst first with memory: one order of the workloads and one of the pods of each (see WorstFirst)."""

    def __init__(self) -> None:
        self._workloads = WorstFirst()
        self._pods: dict[str, WorstFirst] = {}

    def workloads(self, snapshot: Snapshot, keys: Sequence[str]) -> list[str]:
        return self._workloads.order(standing_of(snapshot, snapshot.by_workload, key) for key in keys)

    def pods(self, snapshot: Snapshot, workload: str, keys: Sequence[str]) -> list[str]:
        order = self._pods.setdefault(workload, WorstFirst())
        return order.order(standing_of(snapshot, snapshot.by_pod, key) for key in keys)


def standing_of(snapshot: Snapshot, frame: Frame, key: str) -> Standing:
    """Within a severity: more requests waiting is worse, then a fuller KV cache (10 points from empty to full)."""
    waiting, kv = frame.value(key, Quantity.WAITING), frame.value(key, Quantity.KV_USAGE)
    score = (0.0 if math.isnan(waiting) else waiting) + (0.0 if math.isnan(kv) else 10 * kv)
    return Standing(key, assessment_of(snapshot, key).severity, score, key)


@dataclass(frozen=True, slots=True, eq=False)
class FleetModel:
    """A GridModel. Rows are made when the grid asks; the order of pods is worked out for open groups alone."""

    snapshot: Snapshot
    groups: Sequence[Group]
    sort: Sort | None
    waiting: str
    unmatched: Mapping[str, Join]
    columns: tuple[Column, ...] = COLUMNS

    def row(self, key: str) -> Row:
        workload = self.snapshot.workloads.get(key)
        if workload is not None:
            return _workload_row(self.snapshot, workload, self.columns)
        return _pod_row(self.snapshot, self.snapshot.pods[key], self.unmatched.get(key), self.columns)


def columns_of(snapshot: Snapshot) -> tuple[Column, ...]:
    """The columns that a fleet has something for."""
    several = len({origin.product for origin in snapshot.origins.values()}) > 1
    if not several and not snapshot.gateways_of:
        return COLUMNS
    columns = []
    for column in COLUMNS:
        columns.append(column)
        if column.id == "rev" and several:
            columns.append(_ENGINE)
        if column.id == "err" and snapshot.gateways_of:
            columns += _GATEWAYS
    return tuple(columns)


def fleet_model(snapshot: Snapshot, query: Query, order: FleetOrder) -> FleetModel:
    """The table for one Snapshot. ``order`` remembers the order of the Snapshots before."""
    shown = [key for key in snapshot.workloads if query.others or key in snapshot.model_of]
    members = _filtered(snapshot, shown, query)
    if query.sort is None:
        keys = order.workloads(snapshot, list(members))
    else:
        keys = _sorted(snapshot, snapshot.by_workload, list(members), query.sort)
    groups = [Group(key, LazyKeys(members[key], _orderer(snapshot, key, query, order))) for key in keys]
    unmatched = {entry.key: entry.join for entry in snapshot.unmatched}
    return FleetModel(snapshot, groups, query.sort, _waiting(snapshot, query), unmatched, columns_of(snapshot))


def _orderer(
    snapshot: Snapshot, workload: str, query: Query, order: FleetOrder
) -> Callable[[Sequence[str]], Sequence[str]]:
    def ordered(keys: Sequence[str]) -> Sequence[str]:
        if query.sort is None:
            return order.pods(snapshot, workload, keys)
        return _sorted(snapshot, snapshot.by_pod, keys, query.sort)

    return ordered


def _filtered(snapshot: Snapshot, workloads: Sequence[str], query: Query) -> dict[str, Sequence[str]]:
    """Workload → the pods to show. With a filter: pods that match, and workloads that have such pods.

    What a pod says includes its workload and model, so that their names find all their pods.
    """
    if not query.filter:
        return {key: snapshot.pods_of.get(key, ()) for key in workloads}
    out: dict[str, Sequence[str]] = {}
    for key in workloads:
        workload = snapshot.workloads[key]
        says = f"{workload.namespace} {workload.name} {snapshot.model_of.get(key, '')} {workload.kind}"
        pods = snapshot.pods_of.get(key, ())
        kept = [pod for pod in pods if query.filter.matches(*_says(snapshot, pod, says))]
        if kept or (not pods and query.filter.matches(says, workload.labels)):
            out[key] = kept
    return out


def _says(snapshot: Snapshot, key: str, workload: str) -> tuple[str, Mapping[str, str]]:
    pod = snapshot.pods[key]
    reason = assessment_of(snapshot, key).reason
    return f"{pod.name} {pod.node} {pod.status} {reason} {pod.ip} {workload}", pod.labels


def _sorted(snapshot: Snapshot, frame: Frame, keys: Sequence[str], sort: Sort) -> list[str]:
    if sort.column == "name":
        return sorted(keys, key=lambda key: _name_of(snapshot, key), reverse=sort.descending)
    quantity = _NUMBERS.get(sort.column)
    if quantity is not None:
        return by_number(keys, lambda key: frame.value(key, quantity), descending=sort.descending)
    return by_number(keys, lambda key: _plain_number(snapshot, key, sort.column), descending=sort.descending)


def _name_of(snapshot: Snapshot, key: str) -> tuple[str, str]:
    model = snapshot.models.get(snapshot.model_of.get(key, ""))
    return (model.name if model else "", key)


def _plain_number(snapshot: Snapshot, key: str, column: str) -> float:
    """What is sorted by and is no quantity; NaN where the object has no such number."""
    pod, workload = snapshot.pods.get(key), snapshot.workloads.get(key)
    if column == "age":
        created = pod.created if pod else workload.created if workload else 0
        return snapshot.at - created if created else math.nan
    if column == "restarts":
        pods = [pod] if pod else [snapshot.pods[k] for k in snapshot.pods_of.get(key, ())]
        return float(sum(p.restarts for p in pods))
    if column == "ready" and workload is not None:
        return workload.ready / workload.desired if workload.desired else math.nan
    if column == "ready" and pod is not None:
        return float(pod.ready)
    return math.nan


def _waiting(snapshot: Snapshot, query: Query) -> str:
    """What an empty table says."""
    if said := empty_text(snapshot, query):
        return said
    if snapshot.is_machine:
        return "no vLLM server on this machine\n:up MODEL starts one · :ctx other clusters"
    hidden = len(snapshot.workloads) if not query.others else 0
    where = f"namespace {untrusted_name(snapshot.cluster.namespace)}" if snapshot.cluster.namespace else "this cluster"
    if hidden:
        others = f"the other {hidden} workloads" if hidden > 1 else "the other workload"
        return f"no workload in {where} serves a model\na shows {others} · n other namespaces"
    return f"no workloads in {where}\nn other namespaces · :ctx other clusters"


# rows


def version_text(version: ModelVersion) -> str:
    """The tag of the image, else the short digest: what tells one rollout from the next at a glance."""
    name, _, digest = version.image.partition("@")
    _, _, tag = name.rpartition("/")[2].partition(":")
    return untrusted(tag or digest.removeprefix("sha256:")[:8])


def _workload_row(snapshot: Snapshot, workload: Workload, columns: Sequence[Column]) -> Row:
    key, frame = workload.key, snapshot.by_workload
    standing = assessment_of(snapshot, key)
    model = snapshot.models.get(snapshot.model_of.get(key, ""))
    own = untrusted_name(workload.name)
    name: Cell = Text(own, Role.STRONG)
    if model is not None and model.name != workload.name:
        name = Spans((Span(untrusted_name(model.name), Role.STRONG), Span(f" · {own}", Role.DIM)))
    complete = workload.ready >= workload.desired
    pods = snapshot.pods_of.get(key, ())
    cells: dict[str, Cell] = {
        "name": name,
        "ready": Text(f"{workload.ready}/{workload.desired}", Role.TEXT if complete else Role.WARNING),
        "node": NOTHING,
        # Deployments count their revisions; the other kinds name them by hashes, which tell a person nothing.
        "rev": Text(f"v{workload.revision}" if workload.revision.isdigit() else version_text(workload.version)),
        "restarts": _restarts(sum(snapshot.pods[pod].restarts for pod in pods)),
        "story": _story(snapshot, key, standing.severity, reason_of(snapshot, key)),
    }
    cells["engine"] = Text(products_of(snapshot, key), Role.DIM)
    if model is not None and model.key in snapshot.gateways_of:
        before = snapshot.before_models
        cells |= {column: number(before, model.key, quantity) for column, quantity in _BEFORE_MODELS.items()}
    cells |= _measured(frame, key, serving=model is not None, has_gpus=workload.gpus > 0)
    return Row(key, tuple(cells.get(column.id, NOTHING) for column in columns), standing.severity)


def _pod_row(snapshot: Snapshot, pod: Pod, join: Join | None, columns: Sequence[Column]) -> Row:
    key, frame = pod.key, snapshot.by_pod
    standing = assessment_of(snapshot, key)
    serving = snapshot.workload_of.get(key, "") in snapshot.model_of
    reason = reason_of(snapshot, key) or (str(join) if join is not None else "")
    cells: dict[str, Cell] = {
        "name": Name(untrusted_name(pod.name)),
        "ready": Text(age_text(coarse(snapshot.at - pod.created)) if pod.created else "", Role.DIM),
        "node": Text(untrusted(pod.node), Role.DIM),
        "rev": Text(version_text(pod.version), Role.DIM),
        "restarts": _restarts(pod.restarts),
        "story": _story(snapshot, key, standing.severity, reason),
    }
    cells["engine"] = Text(product_of(snapshot, key), Role.DIM)
    cells |= _measured(frame, key, serving=serving, has_gpus=pod.gpus > 0)
    return Row(key, tuple(cells.get(column.id, NOTHING) for column in columns), standing.severity)


def _measured(frame: Frame, key: str, *, serving: bool, has_gpus: bool) -> dict[str, Cell]:
    """The cells that are measured. What such an object never has is blank; what it should have and has not is ``–``."""
    cells: dict[str, Cell] = {}
    for column, quantity in _NUMBERS.items():
        if not (has_gpus if quantity in _OF_GPUS else serving):
            cells[column] = NOTHING
        elif quantity is Quantity.KV_USAGE:
            cells[column] = usage(frame, key, quantity)
        elif quantity is Quantity.GPU_UTIL:
            cells[column] = gpu_activity(frame, key)
        else:
            cells[column] = number(frame, key, quantity)
    return cells


def _restarts(count: int) -> Cell:
    return Text(str(count), Role.TEXT if count else Role.DIM)


def _story(snapshot: Snapshot, key: str, severity: Severity, reason: str) -> Story:
    role = Role.DIM if severity is Severity.OK else severity_role(severity)
    strip = snapshot.history.strip(key, Quantity.WAITING, STRIP_POINTS)
    return Story(untrusted(reason), role, strip, SCALES[Quantity.WAITING])
