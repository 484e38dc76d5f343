"""A grid model over a synthetic fleet: workloads and their pods, with a column of every kind of cell."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fleet.model.quantity import MEANINGS, Quantity
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Name, Number, Text, Trend, Usage
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.strip_chart import ChartScale
from widgets.untrusted import untrusted
from widgets.values import age_text

_QUANTITIES = (
    (Quantity.RUNNING, "RUN", 4, 1),
    (Quantity.WAITING, "WAIT", 4, 0),
    (Quantity.GENERATION_TOKENS, "TOK/S", 5, 3),
    (Quantity.TTFT_P95, "TTFT95", 7, 1),
    (Quantity.ITL_P95, "ITL95", 6, 2),
    (Quantity.QUEUE_P95, "QUEUE95", 7, 4),
    (Quantity.ERROR_RATIO, "ERR%", 5, 4),
    (Quantity.GPU_UTIL, "GPU%", 4, 3),
    (Quantity.GPU_TEMPERATURE, "°C", 4, 3),
    (Quantity.GPU_POWER, "W", 4, 6),
    (Quantity.GPU_MEMORY_USED, "MEM", 7, 6),
)

COLUMNS = (
    GridColumn("name", "MODEL · WORKLOAD", 18, align="left", priority=0, grow=2, widest=40),
    GridColumn("ready", "READY", 5, priority=0),
    *(GridColumn(quantity, title, width, priority=priority) for quantity, title, width, priority in _QUANTITIES),
    GridColumn("kv", "KV", 6, priority=2, grow=1, widest=16),
    GridColumn("node", "NODE", 8, align="left", priority=4),
    GridColumn("trend", "15 MIN (WAIT)", 12, align="left", priority=5, grow=1, widest=20),
)


class FleetRows:
    """Counts the rows that it is asked for."""

    columns = COLUMNS
    waiting = "no pods yet"
    sort: Sort | None = Sort(Quantity.WAITING)

    def __init__(self, snapshot: Snapshot, order: Sequence[str] | None = None) -> None:
        self._snapshot = snapshot
        self.asked: list[str] = []
        tops = order if order is not None else tuple(snapshot.workloads)
        self.groups: Sequence[RowGroup] = [RowGroup(top, snapshot.pods_of[top]) for top in tops]

    def row(self, key: str) -> GridRow:
        self.asked.append(key)
        snapshot = self._snapshot
        pod, top = snapshot.pods.get(key), snapshot.workloads.get(key)
        frame = snapshot.by_pod if pod is not None else snapshot.by_workload
        if pod is not None:
            name, ready, node = pod.name, Text(age_text(snapshot.at - pod.created)), Text(pod.node, Role.DIM)
        else:
            assert top is not None
            name, ready, node = top.name, Text(f"{top.ready}/{top.desired}"), NOTHING
        numbers: list[Cell] = [Number(frame.get(key, q), MEANINGS[q].unit) for q, _, _, _ in _QUANTITIES]
        waiting = frame.value(key, Quantity.WAITING)
        trend = Trend((math.nan, 0.0, waiting / 2, waiting), ChartScale(0.0, 20.0))
        kv = Usage(frame.get(key, Quantity.KV_USAGE))
        cells: tuple[Cell, ...] = (Name(untrusted(name)), ready, *numbers, kv, node, trend)
        assessment = snapshot.assessments.get(key)
        return GridRow(key, cells, assessment.severity if assessment is not None else None)


class FlatRows:
    """Named rows without children; the text is given."""

    columns = (GridColumn("name", "NAME", 12, align="left", grow=1, widest=200),)
    sort: Sort | None = None

    def __init__(self, *keys: str, waiting: str = "nothing here") -> None:
        self.groups: Sequence[RowGroup] = [RowGroup(key) for key in keys]
        self.waiting = waiting

    def row(self, key: str) -> GridRow:
        return GridRow(key, (Name(untrusted(key)),))
