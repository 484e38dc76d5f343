"""The rows of engines: which one a series is about, and which number it gives."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from fleet.metrics.answers import Labels, Process, Sample, add_bucket, histograms, process
from fleet.metrics.dialect import Dialect, Metric, pick
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.identity import (
    CLUSTER_LABEL,
    NAMESPACE_LABELS,
    POD_LABELS,
    REPLICA_LABELS,
    engine_id,
    engine_labels,
    first,
)
from fleet.metrics.promql import TAG
from fleet.metrics.queries import DIALECT, DOWN, GONE, PRESENT, PROCESS, RESET, STAMP, running_names
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.metrics.tables import Columns, blank
from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, Group
from fleet.model.quantity import Family, Quantity

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
    """The engine rows, from the answer to ``queries.engines``; gauges, rates and histograms are added to them."""

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
            elif tag.startswith(PRESENT):
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
        told = {labels.get(DIALECT, "") for labels, _ in seen}
        self.engines = ENGINES.among({name for name in told if name} | _there(ENGINES, names))
        """The dialects of engines that the store has series of."""
        self.gateways = GATEWAYS.among(_there(GATEWAYS, names))
        """And those of gateways."""
        self.gpus = GPUS.among({member.name for member in GPUS if any(name in names for name in member.seen_by())})
        """And those of exporters of GPUs."""
        self.labels = frozenset(label for labels, _ in seen for label in labels).intersection(engine_labels(ENGINES))
        """The labels that name engines here."""
        self._process_key = _telling(
            (label for label in _LONGEST_FIRST if label in self.labels), [*(labels for labels, _ in seen), *gone]
        )
        naming = (*ENGINES.model_labels, *ENGINES.rank_labels)
        self.key = (*self._process_key, *(label for label in naming if label in self.labels))
        """As few of them as tell the engines apart, those that ended lately included."""
        self._identify(seen, at)
        self.means: dict[Quantity, tuple[array[float], array[float]]] = {}

    def _identify(self, seen: Sequence[tuple[Labels, float]], at: float) -> None:
        """The rows: whose each is, when it was seen, which dialects it speaks."""
        stamps: dict[EngineId, dict[Process, float]] = defaultdict(dict)
        speaks: dict[EngineId, set[str]] = defaultdict(set)
        nameless: list[tuple[Labels, Dialect, float]] = []
        self.example: Labels = {}
        """The labels of one engine."""
        self.example_names: Sequence[str] = ()
        """And the names of what every engine like it has."""
        for labels, value in seen:
            dialect = ENGINES.by_name(labels.get(DIALECT, ""))
            if dialect is None:
                continue
            engine = engine_id(labels, dialect)
            if engine.model:
                stamps[engine][process(labels)] = value
                speaks[engine].add(dialect.name)
            elif not dialect.model_labels:
                nameless.append((labels, dialect, value))
            else:
                continue
            if not self.example:
                self.example = {label: text for label, text in labels.items() if label not in (TAG, DIALECT)}
                self.example_names = running_names(dialect)
        named = {who for by in stamps.values() for who in by}
        for labels, dialect, value in nameless:
            who = process(labels)
            if who in named:
                # It runs an engine that does say which model it is.
                for engine, by in stamps.items():
                    if who in by:
                        speaks[engine].add(dialect.name)
            else:
                engine = engine_id(labels, dialect)
                stamps[engine][who] = max(value, stamps[engine].get(who, -math.inf))
                speaks[engine].add(dialect.name)
        self.ids = tuple(sorted(stamps))
        self.dialects = tuple(tuple(member.name for member in ENGINES if member.name in speaks[e]) for e in self.ids)
        """The products whose metrics each row answers."""
        self._rows = {engine: row for row, engine in enumerate(self.ids)}
        self._chosen = {engine: max(sorted(by), key=by.__getitem__) for engine, by in stamps.items()}
        self._of_process: dict[Process, list[int]] = defaultdict(list)
        for row, engine in enumerate(self.ids):
            self._of_process[self._chosen[engine]].append(row)
        self._row_of_key: dict[Key, int] = {}
        self._process_of_key: dict[Key, Process] = {}
        for labels, _ in seen:
            dialect = ENGINES.by_name(labels.get(DIALECT, ""))
            if dialect is None:
                continue
            who = process(labels)
            engine = engine_id(labels, dialect)
            self._process_of_key[tuple(map(labels.get, self._process_key))] = who
            if self._chosen.get(engine) == who:
                self._row_of_key[tuple(map(labels.get, self.key))] = self._rows[engine]
        self.columns: Columns[EngineId] = Columns()
        self.columns.grow(self.ids, 0.0)
        for row, engine in enumerate(self.ids):
            self.columns.ages[row] = max(0.0, at - stamps[engine][self._chosen[engine]])

    def numbers(self, found: Iterable[Sample]) -> None:
        """Add the answer to ``queries.engine_numbers``. A counter's rate outdoes a gauge that an engine computed."""
        gauges: dict[tuple[Dialect, Quantity, str], array[float]] = {}
        readers: dict[str, list[tuple[Dialect, Metric, array[float]]]] = defaultdict(list)
        for member in self.engines:
            for quantity, metric in member.gauges():
                column = gauges[member, quantity, metric.name] = blank(len(self.ids))
                for name in member.spellings(metric.name):
                    readers[name].append((member, metric, column))
        shared = bool(self.engines.telling)
        unranked: list[Sample] = []
        for labels, value, tag in found:
            if tag:
                if not self._rate(labels, value, tag):
                    unranked.append((labels, value, tag))
                continue
            name = labels.get("__name__", "")
            for member, metric, column in readers.get(name, ()):
                if shared and self.engines.owner(name, labels) is not member:
                    continue
                if metric.accepts(labels):
                    read = metric.read(value, labels)
                    for row in self._rows_of(labels):
                        column[row] = read if math.isnan(column[row]) else column[row] + read
        for labels, value, tag in unranked:
            self._of_first(labels, value, tag)
        self._pick(gauges)
        self._zeros()

    def _pick(self, gauges: Mapping[tuple[Dialect, Quantity, str], array[float]]) -> None:
        absent = blank(len(self.ids))
        for member in self.engines:
            rates = self.columns.table().columns
            for quantity, rule in member.rules.items():
                spelt = [gauges.get((member, quantity, metric.name), absent) for metric in rule.metrics]
                known = rates.get(quantity, absent)
                for row, values in enumerate(zip(*spelt, strict=True)):
                    value = values[0] if len(values) == 1 else pick(rule, values)
                    if not math.isnan(value) and math.isnan(known[row]):
                        self.columns.put(quantity, row, value)

    def _rows_of(self, labels: Labels) -> Sequence[int]:
        """The rows that a gauge is about: its own; for one that names less of an engine than its row does, the only
        one that it may be.
        """
        row = self._row(labels)
        if row is not None:
            return (row,)
        mine = self._of_those(labels)
        return mine if len(mine) == 1 or first(labels, ENGINES.rank_labels) else ()

    def _of_those(self, labels: Labels) -> Sequence[int]:
        """The rows of its process that a series may be about, by what it says of model and rank."""
        who = self._process_of_key.get(tuple(map(labels.get, self._process_key)))
        mine = self._of_process.get(who, ()) if who else ()
        model, rank = first(labels, ENGINES.model_labels), first(labels, ENGINES.rank_labels)
        return [row for row in mine if model in ("", self.ids[row].model) and rank in ("", self.ids[row].engine)]

    def _row(self, labels: Labels) -> int | None:
        """The row of a series, None when another process was chosen for that engine or none is known."""
        return self._row_of_key.get(tuple(map(labels.get, self.key)))

    def _rate(self, labels: Labels, value: float, tag: str) -> bool:
        """Put a rate into its row; False where no row is its own."""
        if tag.endswith(f"/{PROCESS}"):
            mine: Sequence[int] = self._of_process.get(process(labels), ())
            row = mine[0] if mine else None
        else:
            row = self._row(labels)
        if row is not None:
            self._put(row, value, tag)
        return row is not None

    def _of_first(self, labels: Labels, value: float, tag: str) -> None:
        """Put the rate of a whole process into its first row, where its ranks do not say theirs."""
        mine = self._of_those(labels)
        quantity = _TAGS.get(tag)
        known = self.columns.table().columns.get(quantity) if quantity is not None else None
        if mine and (known is None or all(math.isnan(known[row]) for row in mine)):
            self._put(mine[0], value, tag)

    def _put(self, row: int, value: float, tag: str) -> None:
        name, _, part = tag.partition("/")
        quantity = _TAGS.get(name)
        if tag == RESET:
            self.columns.reset.add(row)
        elif quantity is not None and part in ("sum", "count"):
            self._mean(quantity, part, row, value)
        elif quantity is not None:
            self.columns.offer(quantity, row, value)

    def _row_or_first(self, labels: Labels) -> int | None:
        """The row of a series; of one that names no rank, where the process has several, the first."""
        row = self._row(labels)
        return next(iter(self._of_those(labels)), None) if row is None else row

    def _mean(self, quantity: Quantity, part: str, row: int, value: float) -> None:
        pair = self.means.get(quantity)
        if pair is None:
            pair = self.means[quantity] = (blank(len(self.ids)), blank(len(self.ids)))
        pair[0 if part == "sum" else 1][row] = value

    def _zeros(self) -> None:
        for member in self.engines:
            for quantity, rule in member.rules.items():
                table = self.columns.table().columns
                if rule.zero_beside is None or rule.zero_beside not in table:
                    continue
                for row, value in enumerate(table[rule.zero_beside]):
                    missing = quantity not in table or math.isnan(table[quantity][row])
                    if missing and not math.isnan(value) and member.name in self.dialects[row]:
                        self.columns.put(quantity, row, 0.0)

    @property
    def nameless(self) -> frozenset[str]:
        """The pods (``namespace/pod``) of the engines whose series name no model."""
        return frozenset(f"{engine.namespace}/{engine.pod}" for engine in self.ids if not engine.model and engine.pod)

    def where(self, pods: Iterable[str]) -> dict[str, set[str]]:
        """Label → values that select the engines of these pods (``namespace/pod``) in a query."""
        wanted = set(pods)
        chosen: dict[str, set[str]] = defaultdict(set)
        for engine, who in self._chosen.items():
            if f"{engine.namespace}/{engine.pod}" in wanted:
                chosen["instance" if who.instance else "pod"].add(who.instance or who.pod)
        return dict(chosen)

    def buckets(self, found: Iterable[Sample]) -> dict[Family, dict[Group, Histogram]]:
        """The answers to ``queries.engine_buckets``: one histogram per engine."""
        parts: dict[tuple[Family, Group], dict[float, float]] = defaultdict(dict)
        groups = [Group(e.namespace, e.model, e.pod, e.engine, e.instance) for e in self.ids]
        families = {str(family): family for family in Family}
        for labels, value, tag in found:
            row = self._row_or_first(labels)
            if row is not None and tag in families:
                add_bucket(parts[families[tag], groups[row]], labels, value)
        return histograms(parts)


def _there(dialects: DialectSet, names: Collection[str]) -> set[str]:
    """The products of which every process has one of these metrics."""
    return {member.name for member in dialects if any(name in names for name in running_names(member))}


_TAGS = {str(quantity): quantity for quantity in Quantity}
_LONGEST_FIRST = (*NAMESPACE_LABELS, *POD_LABELS, "job", "instance")
"""The labels of a process, in the order in which an answer can do without them."""


def _name(labels: Labels) -> str:
    pod = first(labels, POD_LABELS)
    return f"{first(labels, NAMESPACE_LABELS)}/{pod}" if pod else labels.get("instance", "")
