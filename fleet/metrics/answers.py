"""From the vectors that Prometheus answers to rows: which engine or GPU a series is about, and which number it gives.

A target scraped by two jobs appears twice; its numbers are never added up: per row one process (instance and job) is
chosen, the one with the newest sample.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fleet.metrics.dialect import Kind, Metric, Rule, pick, plausible
from fleet.metrics.gpus.clock_reasons import throttle_reasons
from fleet.metrics.identity import (
    CLUSTER_LABEL,
    ENGINE_LABELS,
    MODEL_LABELS,
    NAMESPACE_LABELS,
    POD_LABELS,
    REPLICA_LABELS,
    engine_id,
    first,
    gpu_id,
    gpu_key,
    one_gpu,
)
from fleet.metrics.promql import DOWN, GONE, NAMED, PRESENT, RESET, STAMP, TAG
from fleet.metrics.registry import ENGINES, GPUS
from fleet.metrics.tables import Columns, blank
from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, GpuId, Group
from fleet.model.quantity import Family, Quantity
from fleet.sources.problem import SourceProblem

Labels = Mapping[str, str]
Sample = tuple[Labels, float, str]
"""One element of an instant vector: its labels, its value, and which part of a joined query it comes from."""


def samples(result: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    """The elements of a vector as the HTTP API has them; the numbers are strings, ``NaN`` and ``+Inf`` among them.

    Raises SourceProblem for what is no vector.
    """
    try:
        for element in result:
            metric = element["metric"]
            if NAMED in metric:
                metric = {label: text for label, text in metric.items() if label != NAMED} | {"__name__": metric[NAMED]}
            yield metric, float(element["value"][1]), metric.get(TAG, "")
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


Key = tuple[str | None, ...]
"""The values of some labels, None for an absent one."""


def _telling(labels: Iterable[str], rows: Collection[Labels]) -> tuple[str, ...]:
    """As few of these labels as tell the same rows apart as all of them do; at least one."""
    kept = tuple(labels)
    distinct = len({tuple(map(row.get, kept)) for row in rows})
    for label in kept[:-1]:
        fewer = tuple(other for other in kept if other != label)
        if len({tuple(map(row.get, fewer)) for row in rows}) == distinct:
            kept = fewer
    return kept


class Engines:
    """The engine rows, from the answer to ``promql.engines``; gauges, rates and histograms are added to them."""

    def __init__(self, found: Iterable[Sample], at: float) -> None:
        seen: list[tuple[Labels, float]] = []
        gone: list[Labels] = []
        names: set[str] = set()
        replicas: set[str] = set()
        clusters: set[str] = set()
        self.unreachable: dict[str, str] = {}
        for labels, value, tag in found:
            if tag == STAMP:
                seen.append((labels, value))
            elif tag == GONE:
                gone.append(labels)
            elif tag == PRESENT:
                names.add(labels.get("__name__", ""))
                replicas.update(label for label in REPLICA_LABELS if labels.get(label))
                clusters.add(labels.get(CLUSTER_LABEL, ""))
            elif tag == DOWN:
                self.unreachable[_name(labels)] = "Prometheus cannot scrape it"
        self.names = frozenset(names)
        """The counters and histogram counts that the data have."""
        self.replicas = tuple(label for label in REPLICA_LABELS if label in replicas)
        """The labels that tell scrapers of the same apart."""
        self.clusters = tuple(sorted(filter(None, clusters)))
        """The clusters that the store knows engines of, where its series name them."""
        self.labels = frozenset(label for labels, _ in seen for label in labels).intersection(ENGINE_LABELS)
        """The labels that name engines here."""
        self._process_key = _telling(
            (label for label in _LONGEST_FIRST if label in self.labels), [*(labels for labels, _ in seen), *gone]
        )
        self.key = (*self._process_key, *(label for label in (*MODEL_LABELS, "engine") if label in self.labels))
        """As few of them as tell the engines apart, those that ended lately included."""
        stamps: dict[EngineId, dict[Process, float]] = defaultdict(dict)
        for labels, value in seen:
            engine = engine_id(labels)
            if engine.model:
                stamps[engine][process(labels)] = value
        self.ids = tuple(sorted(stamps))
        self._rows = {engine: row for row, engine in enumerate(self.ids)}
        self._chosen = {engine: max(sorted(by), key=by.__getitem__) for engine, by in stamps.items()}
        self._of_process: dict[Process, list[int]] = defaultdict(list)
        for row, engine in enumerate(self.ids):
            self._of_process[self._chosen[engine]].append(row)
        self._row_of_key: dict[Key, int] = {}
        self._process_of_key: dict[Key, Process] = {}
        for labels, _ in seen:
            engine, who = engine_id(labels), process(labels)
            self._process_of_key[tuple(map(labels.get, self._process_key))] = who
            if self._chosen.get(engine) == who:
                self._row_of_key[tuple(map(labels.get, self.key))] = self._rows[engine]
        self.columns: Columns[EngineId] = Columns()
        self.columns.grow(self.ids, 0.0)
        for row, engine in enumerate(self.ids):
            self.columns.ages[row] = max(0.0, at - stamps[engine][self._chosen[engine]])
        self.means: dict[Quantity, tuple[array[float], array[float]]] = {}
        example = next((labels for labels, _ in seen if engine_id(labels).model), {})
        self.example = {label: value for label, value in example.items() if label != TAG}
        """The labels of one engine."""

    def numbers(self, found: Iterable[Sample]) -> None:
        """Add the answer to ``promql.engine_numbers``. A counter's rate outdoes a gauge that V0 computed itself."""
        gauges = {(quantity, metric.name): blank(len(self.ids)) for quantity, metric in ENGINES.gauges()}
        readers: dict[str, list[tuple[Metric, array[float]]]] = defaultdict(list)
        for quantity, metric in ENGINES.gauges():
            for name in ENGINES.spellings(metric.name):
                readers[name].append((metric, gauges[quantity, metric.name]))
        for labels, value, tag in found:
            if tag:
                self._rate(labels, value, tag)
                continue
            for metric, column in readers.get(labels.get("__name__", ""), ()):
                if metric.accepts(labels):
                    read = metric.read(value, labels)
                    for row in self._rows_of(labels):
                        column[row] = read if math.isnan(column[row]) else column[row] + read
        self._pick(gauges)
        self._zeros()

    def _pick(self, gauges: Mapping[tuple[Quantity, str], array[float]]) -> None:
        rates = self.columns.table().columns
        absent = blank(len(self.ids))
        for quantity, rule in ENGINES.rules.items():
            spelt = [gauges.get((quantity, metric.name), absent) for metric in rule.metrics]
            known = rates.get(quantity, absent)
            for row, values in enumerate(zip(*spelt, strict=True)):
                value = values[0] if len(values) == 1 else pick(rule, values)
                if not math.isnan(value) and math.isnan(known[row]):
                    self.columns.put(quantity, row, value)

    def _rows_of(self, labels: Labels) -> Sequence[int]:
        """The rows that a series is about: one, or for one that names no model all those of its process and engine."""
        row = self._row(labels)
        if row is not None:
            return (row,)
        if first(labels, MODEL_LABELS):
            return ()
        who = self._process_of_key.get(tuple(map(labels.get, self._process_key)))
        mine = self._of_process.get(who, ()) if who else ()
        if "engine" in labels:
            return [row for row in mine if self.ids[row].engine == labels["engine"]]
        return mine if len(mine) == 1 else ()

    def _row(self, labels: Labels) -> int | None:
        """The row of a series, None when another process was chosen for that engine or none is known."""
        return self._row_of_key.get(tuple(map(labels.get, self.key)))

    def _rate(self, labels: Labels, value: float, tag: str) -> None:
        quantity = _TAGS.get(tag)
        if quantity is not None and quantity in ENGINES.rules and ENGINES.rules[quantity].per_process:
            mine = self._of_process.get(process(labels))
            row = mine[0] if mine else None
        else:
            row = self._row(labels)
        if row is None:
            return
        if quantity is not None:
            self.columns.put(quantity, row, value)
        elif tag == RESET:
            self.columns.reset.add(row)
        else:
            name, _, part = tag.partition("/")
            if name in _TAGS:
                self._mean(_TAGS[name], part, row, value)

    def _mean(self, quantity: Quantity, part: str, row: int, value: float) -> None:
        pair = self.means.get(quantity)
        if pair is None:
            pair = self.means[quantity] = (blank(len(self.ids)), blank(len(self.ids)))
        pair[0 if part == "sum" else 1][row] = value

    def _zeros(self) -> None:
        table = self.columns.table().columns
        for quantity, rule in ENGINES.rules.items():
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
            row = self._row(labels)
            if row is not None and tag in families:
                _add(parts[families[tag], groups[row]], labels, value)
        return _histograms(parts)


_TAGS = {str(quantity): quantity for quantity in (*ENGINES.rules, *ENGINES.phases)}
_LONGEST_FIRST = (*NAMESPACE_LABELS, *POD_LABELS, "job", "instance")
"""The labels of a process, in the order in which an answer can do without them."""


Edges = Mapping[tuple[Family, Group], frozenset[float]]
"""The bucket edges that all engines of a model have."""


Parts = Mapping[tuple[Family, Group], Mapping[float, float]]
"""Bucket edge → rate or count, of histograms in the making."""


def common_edges(counts: Parts) -> Edges:
    """From ``of_models`` of ``promql.bucket_counts``: the edges with as many series behind them as any other."""
    return {
        key: frozenset(edge for edge, count in edges.items() if count >= max(edges.values()))
        for key, edges in counts.items()
    }


def model_histograms(rates: Parts, common: Edges) -> dict[Family, dict[Group, Histogram]]:
    """From ``of_models`` of ``promql.model_buckets``: a histogram per model, of the edges that all engines have."""
    return _histograms(
        {key: {e: v for e, v in edges.items() if key not in common or e in common[key]} for key, edges in rates.items()}
    )


def of_models(found: Iterable[Sample]) -> Parts:
    """The answer to ``promql.model_buckets`` or ``bucket_counts``: by namespace and model."""
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


def _histograms(parts: Parts) -> dict[Family, dict[Group, Histogram]]:
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
        cells: dict[str, dict[tuple[str, str], float]] = defaultdict(dict)
        self.example: Labels = {}
        """The labels of one GPU's gauge."""
        for labels, value, tag in found:
            key = gpu_key(labels)
            if not key[0]:
                continue
            if tag == STAMP:
                seen.append((labels, value))
            else:
                cells[tag or labels.get("__name__", "")][key] = value
                self.example = self.example or ({} if tag else labels)
        exported = any(labels.get(POD_LABELS[0]) for labels, _ in seen)
        stamps: dict[GpuId, float] = {}
        for labels, value in seen:
            gpu = gpu_id(labels, exported=exported)
            stamps[gpu] = max(value, stamps.get(gpu, -math.inf))
        said: dict[tuple[str, str], list[GpuId]] = defaultdict(list)
        for gpu in stamps:
            said[gpu[:2]].append(gpu)
        self.ids = tuple(sorted(map(one_gpu, said.values())))
        self.columns: Columns[GpuId] = Columns()
        self.columns.grow(self.ids, 0.0)
        self.reasons: dict[str, tuple[str, ...]] = {}
        for row, gpu in enumerate(self.ids):
            self.columns.ages[row] = max(0.0, at - max(stamps[one] for one in said[gpu[:2]]))
            mask = next((cells[name][key] for name in GPUS.masks if (key := gpu[:2]) in cells[name]), None)
            if mask is not None:
                self.reasons[gpu.key] = throttle_reasons(mask)
        for quantity, rule in GPUS.rules.items():
            if any(metric.name in cells for metric in rule.metrics):
                self._column(quantity, rule, [cells[metric.name] for metric in rule.metrics])

    def _column(self, quantity: Quantity, rule: Rule, spelt: Sequence[Mapping[tuple[str, str], float]]) -> None:
        for row, gpu in enumerate(self.ids):
            labels = {"GPU_I_ID": gpu.instance_id}
            values = [
                _read(metric, cell.get(gpu[:2]), labels) for metric, cell in zip(rule.metrics, spelt, strict=True)
            ]
            value = pick(rule, values)
            if not math.isnan(value):
                self.columns.put(quantity, row, value)


def _read(metric: Metric, value: float | None, labels: Labels) -> float:
    if value is None or not metric.accepts(labels):
        return math.nan
    return value * metric.scale if metric.kind is Kind.COUNTER else metric.read(value, labels)


def _name(labels: Labels) -> str:
    pod = first(labels, POD_LABELS)
    return f"{first(labels, NAMESPACE_LABELS)}/{pod}" if pod else labels.get("instance", "")
