"""From the vectors that Prometheus answers to rows: which engine or GPU a series is about, and which number it gives.

A target scraped by two jobs appears twice; its numbers are never added up: per row one process (instance and job) is
chosen, the one with the newest sample.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from fleet.metrics.dcgm import DCGM, REASON_MASKS, throttle_reasons
from fleet.metrics.dialect import Kind, Metric, pick, plausible
from fleet.metrics.identity import (
    ENGINE_LABELS,
    MODEL_LABELS,
    NAMESPACE_LABELS,
    POD_LABELS,
    engine_id,
    first,
    gpu_id,
    gpu_key,
)
from fleet.metrics.problem import SourceProblem
from fleet.metrics.promql import DOWN, PRESENT, RESET, STAMP, TAG
from fleet.metrics.tables import Columns, blank
from fleet.metrics.vllm import VLLM
from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, GpuId, Group
from fleet.model.quantity import Family, Quantity

Labels = Mapping[str, str]
Sample = tuple[Labels, float, str]
"""One element of an instant vector: its labels, its value, and which part of a joined query it comes from."""


def samples(result: Iterable[Mapping[str, Any]]) -> list[Sample]:
    """The elements of a vector as the HTTP API has them; the numbers are strings, ``NaN`` and ``+Inf`` among them.

    Raises SourceProblem for what is no vector.
    """
    try:
        return [(metric := e["metric"], float(e["value"][1]), metric.get(TAG, "")) for e in result]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise SourceProblem("its answer is JSON, but not Prometheus'", "check the Prometheus URL") from None


class Process(NamedTuple):
    """Who exposes a series, as the scraper calls it."""

    namespace: str
    pod: str
    instance: str
    job: str


def process(labels: Labels) -> Process:
    """The process that a series comes from."""
    return Process(
        first(labels, NAMESPACE_LABELS), first(labels, POD_LABELS), labels.get("instance", ""), labels.get("job", "")
    )


class _Identities:
    """Which engine of which process a series is about, worked out once per combination of the labels that matter."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(sorted(names))
        self._known: dict[tuple[str | None, ...], tuple[EngineId, Process]] = {}

    def key(self, labels: Labels) -> tuple[str | None, ...]:
        """The labels that matter: the same for all series of an engine."""
        return tuple(map(labels.get, self._names))

    def of(self, labels: Labels) -> tuple[EngineId, Process]:
        """The engine (without model where the series names none) and the process."""
        key = self.key(labels)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = (engine_id(labels), process(labels))
        return found


class Engines:
    """The engine rows, from the answer to ``promql.engines``; rates and histograms are added to them."""

    def __init__(self, found: Sequence[Sample], at: float) -> None:
        own = [sample for sample in found if sample[2] not in (DOWN, PRESENT)]
        self.names = frozenset(labels.get("__name__", "") for labels, _, tag in found if tag == PRESENT)
        """The counters and histogram counts that the data have."""
        self.unreachable = {_name(labels): "Prometheus cannot scrape it" for labels, _, tag in found if tag == DOWN}
        self.labels = frozenset(label for labels, _, _ in own for label in labels).intersection(ENGINE_LABELS)
        """The labels that name engines here."""
        self._identities = _Identities(self.labels)
        stamps = self._stamps(own)
        self.ids = tuple(sorted(stamps))
        self._rows = {engine: row for row, engine in enumerate(self.ids)}
        self._chosen = {engine: max(sorted(by), key=by.__getitem__) for engine, by in stamps.items()}
        self._of_process: dict[Process, list[int]] = defaultdict(list)
        for row, engine in enumerate(self.ids):
            self._of_process[self._chosen[engine]].append(row)
        self._row_of_key: dict[tuple[str | None, ...], int] = {}
        self.columns: Columns[EngineId] = Columns()
        self.columns.grow(self.ids, 0.0)
        for row, engine in enumerate(self.ids):
            newest = stamps[engine][self._chosen[engine]]
            self.columns.ages[row] = max(0.0, at - newest) if math.isfinite(newest) else 0.0
        self.means: dict[Quantity, tuple[array[float], array[float]]] = {}
        self.example = next((ls for ls, _, _ in own if VLLM.canonical(ls.get("__name__", "")) == _RUNNING), {})
        """The labels of one engine's gauge."""
        self._gauges(own)

    def _stamps(self, own: Iterable[Sample]) -> dict[EngineId, dict[Process, float]]:
        """The engines, and when each process that exposes one was last scraped (-inf where nothing tells)."""
        stamps: dict[EngineId, dict[Process, float]] = defaultdict(dict)
        for labels, value, tag in own:
            engine, who = self._identities.of(labels)
            if engine.model:
                known = stamps[engine]
                known[who] = max(value if tag == STAMP else -math.inf, known.get(who, -math.inf))
        return stamps

    def _gauges(self, own: Iterable[Sample]) -> None:
        columns = {
            (quantity, metric.name): blank(len(self.ids))
            for quantity, rule in VLLM.rules.items()
            for metric in rule.metrics
        }
        readers: dict[str, list[tuple[Metric, array[float]]]] = defaultdict(list)
        for quantity, metric in VLLM.gauges():
            for name in VLLM.spellings(metric.name):
                readers[name].append((metric, columns[quantity, metric.name]))
        for labels, value, tag in own:
            if tag:
                continue
            for metric, column in readers.get(labels.get("__name__", ""), ()):
                if metric.accepts(labels):
                    read = metric.read(value, labels)
                    for row in self._rows_of(labels):
                        column[row] = read if math.isnan(column[row]) else column[row] + read
        for quantity, rule in VLLM.rules.items():
            for row, values in enumerate(zip(*(columns[quantity, m.name] for m in rule.metrics), strict=True)):
                value = values[0] if len(values) == 1 else pick(rule, values)
                if not math.isnan(value):
                    self.columns.put(quantity, row, value)

    def _rows_of(self, labels: Labels) -> Sequence[int]:
        """The rows that a series is about: one, or for one that names no model all those of its process and engine."""
        row = self.row(labels)
        if row is not None:
            return (row,)
        engine, who = self._identities.of(labels)
        mine = self._of_process.get(who, ())
        if engine.model:
            return ()
        if "engine" in labels:
            return [row for row in mine if self.ids[row].engine == engine.engine]
        return mine if len(mine) == 1 else ()

    def row(self, labels: Labels) -> int | None:
        """The row of a series, None when another process was chosen for that engine or none is known."""
        key = self._identities.key(labels)
        row = self._row_of_key.get(key)
        if row is None:
            engine, who = self._identities.of(labels)
            row = self._row_of_key[key] = self._rows[engine] if self._chosen.get(engine) == who else -1
        return row if row >= 0 else None

    def rates(self, found: Iterable[Sample]) -> None:
        """Add the answer to ``promql.engine_rates``. A counter's rate outdoes a gauge that V0 computed itself."""
        tags = {str(quantity): quantity for quantity in (*VLLM.rules, *VLLM.phases)}
        for labels, value, tag in found:
            if not plausible(value):
                continue
            quantity = tags.get(tag)
            if quantity is not None and quantity in VLLM.rules and VLLM.rules[quantity].per_process:
                mine = self._of_process.get(self._identities.of(labels)[1])
                row = mine[0] if mine else None
            else:
                row = self.row(labels)
            if row is None:
                continue
            if quantity is not None:
                self.columns.put(quantity, row, value)
            elif tag == RESET:
                self.columns.reset.add(row)
            else:
                name, _, part = tag.partition("/")
                if name in tags:
                    self._mean(tags[name], part, row, value)
        self._zeros()

    def _mean(self, quantity: Quantity, part: str, row: int, value: float) -> None:
        pair = self.means.get(quantity)
        if pair is None:
            pair = self.means[quantity] = (blank(len(self.ids)), blank(len(self.ids)))
        pair[0 if part == "sum" else 1][row] = value

    def _zeros(self) -> None:
        table = self.columns.table().columns
        for quantity, rule in VLLM.rules.items():
            if rule.zero_beside is not None and rule.zero_beside in table:
                for row, value in enumerate(table[rule.zero_beside]):
                    missing = quantity not in table or math.isnan(table[quantity][row])
                    if missing and not math.isnan(value):
                        self.columns.put(quantity, row, 0.0)

    def where(self, pods: Iterable[str]) -> dict[str, set[str]]:
        """Label → values that select the engines of these pods (``namespace/pod``) in a query."""
        wanted = set(pods)
        chosen: dict[str, set[str]] = defaultdict(set)
        for engine, who in self._chosen.items():
            if f"{engine.namespace}/{engine.pod}" in wanted:
                chosen["instance" if who.instance else "pod"].add(who.instance or who.pod)
        return dict(chosen)

    def buckets(self, found: Iterable[Sample]) -> dict[Family, dict[Group, Histogram]]:
        """The answers to ``promql.engine_buckets``: one histogram per engine."""
        parts: dict[tuple[Family, Group], dict[float, float]] = defaultdict(dict)
        groups = [Group(e.namespace, e.model, e.pod, e.engine, e.instance) for e in self.ids]
        families = {str(family): family for family in Family}
        for labels, value, tag in found:
            row = self.row(labels)
            if row is not None and tag in families:
                _add(parts[families[tag], groups[row]], labels, value)
        return _histograms(parts)


_RUNNING = "vllm:num_requests_running"


Edges = Mapping[tuple[Family, Group], frozenset[float]]
"""The bucket edges that all engines of a model have."""


def common_edges(found: Iterable[Sample]) -> Edges:
    """From the answer to ``promql.bucket_counts``: the edges with as many series behind them as any other."""
    return {
        key: frozenset(edge for edge, count in edges.items() if count >= max(edges.values()))
        for key, edges in _of_models(found).items()
    }


def model_buckets(found: Iterable[Sample], common: Edges) -> dict[Family, dict[Group, Histogram]]:
    """The answer to ``promql.model_buckets``: one histogram per namespace and model, of the edges all engines have."""
    parts = _of_models(found)
    return _histograms(
        {key: {e: v for e, v in edges.items() if key not in common or e in common[key]} for key, edges in parts.items()}
    )


def _of_models(found: Iterable[Sample]) -> dict[tuple[Family, Group], dict[float, float]]:
    families = {str(family): family for family in Family}
    parts: dict[tuple[Family, Group], dict[float, float]] = defaultdict(dict)
    for labels, value, tag in found:
        if tag in families:
            group = Group(first(labels, NAMESPACE_LABELS), first(labels, MODEL_LABELS))
            _add(parts[families[tag], group], labels, value)
    return parts


def _add(edges: dict[float, float], labels: Labels, value: float) -> None:
    """``le`` is a string that sources spell differently (``1``, ``1.0``): the same edge is one bucket."""
    try:
        edge = float(labels.get("le", ""))
    except ValueError:
        return
    if not edge > -math.inf:
        return
    edges[edge] = edges.get(edge, 0.0) + value


def _histograms(parts: Mapping[tuple[Family, Group], Mapping[float, float]]) -> dict[Family, dict[Group, Histogram]]:
    out: dict[Family, dict[Group, Histogram]] = {}
    for (family, group), edges in parts.items():
        if edges and plausible(sum(edges.values())):
            ordered = tuple(sorted(edges))
            out.setdefault(family, {})[group] = Histogram(ordered, tuple(edges[edge] for edge in ordered))
    return out


class Gpus:
    """The GPU rows, from the answer to ``promql.gpus``."""

    def __init__(self, found: Iterable[Sample], at: float) -> None:
        seen: list[tuple[Labels, float]] = []
        cells: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        self.example: Labels = {}
        """The labels of one GPU's gauge."""
        for labels, value, tag in found:
            key = gpu_key(labels)
            if not key[0]:
                continue
            if tag == STAMP:
                seen.append((labels, value))
            else:
                cells[key][tag or labels.get("__name__", "")] = value
                self.example = self.example or ({} if tag else labels)
        exported = any(labels.get(POD_LABELS[0]) for labels, _ in seen)
        stamps: dict[GpuId, float] = {}
        for labels, value in seen:
            gpu = gpu_id(labels, exported=exported)
            stamps[gpu] = max(value, stamps.get(gpu, -math.inf))
        self.ids = tuple(sorted(stamps))
        self.columns: Columns[GpuId] = Columns()
        self.columns.grow(self.ids, 0.0)
        self.reasons: dict[str, tuple[str, ...]] = {}
        for row, gpu in enumerate(self.ids):
            self.columns.ages[row] = max(0.0, at - stamps[gpu])
            self._row(row, gpu, cells[gpu.uuid, gpu.instance_id])

    def _row(self, row: int, gpu: GpuId, cell: Mapping[str, float]) -> None:
        labels = {"GPU_I_ID": gpu.instance_id}
        for quantity, rule in DCGM.rules.items():
            values = [_read(metric, cell, labels) for metric in rule.metrics]
            value = pick(rule, values)
            if not math.isnan(value):
                self.columns.put(quantity, row, value)
        mask = next((cell[name] for name in REASON_MASKS if name in cell), None)
        if mask is not None:
            self.reasons[gpu.key] = throttle_reasons(mask)


def _read(metric: Metric, cell: Mapping[str, float], labels: Labels) -> float:
    value = cell.get(metric.name)
    if value is None or not metric.accepts(labels):
        return math.nan
    if metric.kind is Kind.COUNTER:
        return value * metric.scale if plausible(value) else math.nan
    return metric.read(value, labels)


def _name(labels: Labels) -> str:
    pod = first(labels, POD_LABELS)
    return f"{first(labels, NAMESPACE_LABELS)}/{pod}" if pod else labels.get("instance", "")
