"""The columns of the fleet, with the cells of a workload and of a pod.

In reading order: identity, load, user experience, hardware.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from console.views.alert_marks import any_concern, mark, names_of
from console.views.columns import Shown, TableColumn, blank, never
from console.views.identity_cache import IdentityCache
from console.views.number_cells import gpu_activity, number, usage
from console.views.products import product_of, products_of
from console.views.root_words import marked, root_reason
from console.views.severity_since import coarse
from console.views.subject import assessment_of, queue_text, restarts_of
from fleet.model.frame import Frame
from fleet.model.objects import ModelVersion, Pod, Workload
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Name, Number, Spans, Text, Trend, Usage
from widgets.grid import GridColumn
from widgets.line import Span
from widgets.severity import severity_role
from widgets.strip_chart import ChartScale
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text

STRIP_POINTS = 60
"""Points of the strip: a quarter of an hour in steps of the history (15 s)."""
WAITING_SCALE = ChartScale(0, 2_000, logarithmic=True)
"""Each level is three times the one below, in every row and at every moment: 2, 8, 25, 76, 230, 680, 2,000 requests."""
_SEVERAL: IdentityCache[bool] = IdentityCache()
_DIGITS: IdentityCache[int] = IdentityCache()

FleetColumn = TableColumn[Workload, Pod]
Draw = Callable[[Frame, str, Quantity], Cell]


def version_text(version: ModelVersion) -> str:
    """Return the tag of the image, else the short digest, to distinguish rollouts at a glance."""
    name, _, digest = version.image.partition("@")
    _, _, tag = name.rpartition("/")[2].partition(":")
    return untrusted(tag or digest.removeprefix("sha256:")[:8])


def measured(
    column: GridColumn,
    quantity: Quantity,
    key: str = "",
    words: str = "",
    *,
    draw: Draw = number,
    of_gpus: bool = False,
) -> FleetColumn:
    """Return the column of a quantity. A cell is blank if such an object never has it, and ``–`` if it is missing."""

    def of_workload(shown: Shown, workload: Workload) -> Cell:
        has = workload.gpus > 0 if of_gpus else workload.key in shown.snapshot.model_of
        return _awake(shown, workload.key, draw(shown.snapshot.by_workload, workload.key, quantity)) if has else NOTHING

    def of_pod(shown: Shown, pod: Pod) -> Cell:
        has = pod.gpus > 0 if of_gpus else shown.snapshot.workload_of.get(pod.key, "") in shown.snapshot.model_of
        return _awake(shown, pod.key, draw(shown.snapshot.by_pod, pod.key, quantity)) if has else NOTHING

    def value(snapshot: Snapshot, row: str) -> float:
        return (snapshot.by_workload if row in snapshot.workloads else snapshot.by_pod).value(row, quantity)

    return TableColumn(column, of_workload, of_pod, value, quantity=quantity, key=key, words=words)


def _sleeps(shown: Shown, key: str) -> bool:
    return assessment_of(shown.snapshot, key).severity is Severity.ASLEEP


def _awake(shown: Shown, key: str, cell: Cell) -> Cell:
    """Return the cell, dimmed if its row is asleep: that nothing runs there is expected."""
    if isinstance(cell, Number | Usage) and _sleeps(shown, key):
        return cell._replace(role=Role.ASLEEP)
    return cell


def before_model(column: GridColumn, quantity: Quantity) -> FleetColumn:
    """Return the column of a quantity from the gateways of a model, if there are any."""

    def of_workload(shown: Shown, workload: Workload) -> Cell:
        model = shown.snapshot.model_of.get(workload.key, "")
        return number(shown.snapshot.before_models, model, quantity) if model in shown.snapshot.gateways_of else NOTHING

    return TableColumn(column, of_workload, shown=lambda snapshot: bool(snapshot.gateways_of))


def _name(shown: Shown, workload: Workload) -> Cell:
    model = shown.snapshot.models.get(shown.snapshot.model_of.get(workload.key, ""))
    own = untrusted_name(workload.name)
    role = Role.ASLEEP if _sleeps(shown, workload.key) else Role.STRONG
    if model is None or model.name == workload.name:
        return Text(own, role)
    return Spans((Span(untrusted_name(model.name), role), Span(f" · {own}", Role.DIM)))


def _by_name(snapshot: Snapshot, key: str) -> tuple[str, ...]:
    model = snapshot.models.get(snapshot.model_of.get(key, ""))
    return (model.name if model else "", key)


def _digits(snapshot: Snapshot) -> int:
    """Return the digits of the largest number of replicas (2 to 5): the width that the column has to have."""
    workloads = snapshot.workloads
    most = _DIGITS.get("", (workloads,), lambda: max((max(w.ready, w.desired) for w in workloads.values()), default=0))
    return min(5, max(2, len(str(most))))


def _name_and_ready(digits: int, *, key: str = "", words: str = "") -> tuple[FleetColumn, FleetColumn]:
    """Return the columns of the name and of ready/desired replicas, for a fleet with counts of so many digits.

    A count is never cut, and takes its room from the name, so that no other column is pushed out.
    """
    more = 2 * (digits - 2)
    return (
        TableColumn(
            GridColumn("name", "MODEL · WORKLOAD", 24 - more, align="left", grow=2, widest=56, priority=0, share=0.16),
            _name,
            lambda shown, pod: Name(untrusted_name(pod.name), Role.ASLEEP if _sleeps(shown, pod.key) else Role.TEXT),
            name=_by_name,
            shown=lambda snapshot: _digits(snapshot) == digits,
        ),
        TableColumn(
            GridColumn("ready", "READY", 5 + more, priority=1),
            _ready,
            _pod_age,
            _by_ready,
            key=key,
            words=words,
            shown=lambda snapshot: _digits(snapshot) == digits,
        ),
    )


def _ready(_: Shown, workload: Workload) -> Cell:
    complete = workload.ready >= workload.desired
    return Text(f"{workload.ready}/{workload.desired}", Role.TEXT if complete else Role.WARNING)


def _pod_age(shown: Shown, pod: Pod) -> Cell:
    return Text(age_text(coarse(shown.snapshot.at - pod.created)) if pod.created else "", Role.DIM)


def _by_ready(snapshot: Snapshot, key: str) -> float:
    workload, pod = snapshot.workloads.get(key), snapshot.pods.get(key)
    if workload is not None:
        return workload.ready / workload.desired if workload.desired else math.nan
    return float(pod.ready) if pod is not None else math.nan


def _by_age(snapshot: Snapshot, key: str) -> float:
    row = snapshot.pods.get(key) or snapshot.workloads.get(key)
    return snapshot.at - row.created if row is not None and row.created else math.nan


def _node(_: Shown, pod: Pod) -> Cell:
    return Name(untrusted(pod.node), Role.DIM)


def _revision(_: Shown, workload: Workload) -> Cell:
    # Deployments number their revisions; other kinds name them by hashes, which mean nothing to a person.
    return Text(f"v{workload.revision}" if workload.revision.isdigit() else version_text(workload.version))


def _pod_version(_: Shown, pod: Pod) -> Cell:
    return Text(version_text(pod.version), Role.DIM)


def _products(shown: Shown, workload: Workload) -> Cell:
    return Text(products_of(shown.snapshot, workload.key), Role.DIM)


def _product(shown: Shown, pod: Pod) -> Cell:
    return Text(product_of(shown.snapshot, pod.key), Role.DIM)


def _several_products(snapshot: Snapshot) -> bool:
    origins = snapshot.origins
    return _SEVERAL.get("", (origins,), lambda: len({origin.product for origin in origins.values()}) > 1)


def _activity(frame: Frame, key: str, quantity: Quantity) -> Cell:
    del quantity
    return gpu_activity(frame, key)


def _by_restarts(snapshot: Snapshot, key: str) -> float:
    return float(restarts_of(snapshot, key))


def _restarts(shown: Shown, row: Workload | Pod) -> Cell:
    count = restarts_of(shown.snapshot, row.key)
    return Text(str(count), Role.TEXT if count else Role.DIM)


def _reason(shown: Shown, row: Workload | Pod) -> Cell:
    return marked(shown.snapshot, row.key, _why(shown, row))


def _why(shown: Shown, row: Workload | Pod) -> Cell:
    snapshot, join = shown.snapshot, shown.joins.get(row.key)
    reason = root_reason(snapshot, row.key) or (str(join) if join is not None else "")
    reason = ", ".join(filter(None, (reason, queue_text(snapshot, row.key))))
    severity = assessment_of(snapshot, row.key).severity
    if not reason:
        # The console finds no problem, but somebody was notified.
        names, worst = names_of(snapshot, row.key)
        if names:
            return Text(f"alert {names}", severity_role(worst))
    return Text(untrusted(reason), Role.DIM if severity is Severity.OK else severity_role(severity))


def _alerts(shown: Shown, row: Workload | Pod) -> Cell:
    return mark(shown.snapshot, row.key)


def _trend(shown: Shown, row: Workload | Pod) -> Cell:
    strip = shown.snapshot.history.strip(row.key, Quantity.WAITING, STRIP_POINTS)
    return Trend((math.nan,) * (STRIP_POINTS - len(strip)) + strip, WAITING_SCALE)


_BESIDE: tuple[FleetColumn, ...] = (
    TableColumn(GridColumn("alerts", "!", 2, priority=8), _alerts, _alerts, shown=any_concern),
    TableColumn(GridColumn("age", "AGE", 5), value=_by_age, key="A", words="age", shown=never),
    TableColumn(GridColumn("node", "NODE", 12, align="left", grow=1, widest=24, priority=9), blank, _node),
    TableColumn(GridColumn("rev", "REV", 8, align="left", widest=14, grow=1, priority=10), _revision, _pod_version),
    TableColumn(
        GridColumn("engine", "ENGINE", 8, align="left", widest=20, grow=1, priority=4),
        _products,
        _product,
        shown=_several_products,
    ),
    measured(GridColumn("run", "RUN", 4, priority=5), Quantity.RUNNING, "R", "requests running"),
    measured(GridColumn("wait", "WAIT", 4, priority=1), Quantity.WAITING, "W", "requests waiting"),
    measured(
        GridColumn("kv", "KV", 8, "%", align="left", grow=1, widest=20, priority=1),
        Quantity.KV_USAGE,
        "K",
        "KV-cache usage",
        draw=usage,
    ),
    measured(GridColumn("tok", "TOK/S", 6, priority=6), Quantity.GENERATION_TOKENS, "O", "output tokens per second"),
    measured(GridColumn("ttft", "TTFT95", 7, priority=1), Quantity.TTFT_P95, "T", "time to first token"),
    measured(GridColumn("itl", "ITL95", 6, priority=6), Quantity.ITL_P95, "I", "inter-token latency"),
    measured(GridColumn("err", "ERR%", 4, priority=7), Quantity.ERROR_RATIO, "E", "errors"),
    before_model(GridColumn("queued", "GW WAIT", 7, priority=3), Quantity.GATEWAY_QUEUED),
    before_model(GridColumn("rejected", "REJ/S", 6, priority=3), Quantity.GATEWAY_REJECTIONS),
    before_model(GridColumn("retried", "RETRY/S", 7, priority=6), Quantity.GATEWAY_RETRIES),
    measured(
        GridColumn("gpu", "GPU%", 4, priority=2),
        Quantity.GPU_UTIL,
        "U",
        "GPU utilisation",
        draw=_activity,
        of_gpus=True,
    ),
    measured(GridColumn("temp", "°C", 3, priority=3), Quantity.GPU_TEMPERATURE, "H", "heat", of_gpus=True),
    measured(GridColumn("memory", "MEM", 7, priority=11), Quantity.GPU_MEMORY_USED, of_gpus=True),
    TableColumn(
        GridColumn("restarts", "RESTARTS", 8, priority=8), _restarts, _restarts, _by_restarts, key="X", words="restarts"
    ),
    TableColumn(
        GridColumn("reason", "REASON", 16, align="left", grow=4, widest=64, priority=4, share=0.2, explains=True),
        _reason,
        _reason,
    ),
    TableColumn(GridColumn("trend", "15M WAIT", 10, align="left", grow=1, widest=15, priority=5), _trend, _trend),
)

COLUMNS: tuple[FleetColumn, ...] = (
    *_name_and_ready(2, key="Y", words="ready replicas"),
    *_name_and_ready(3),
    *_name_and_ready(4),
    *_name_and_ready(5),
    *_BESIDE,
)
