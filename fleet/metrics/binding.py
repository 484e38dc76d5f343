"""What the series of one target mean: worked out once per layout, so that a tick only adds up numbers.

The series are bound to rows (engines, GPUs) and quantities by the dialects; the choice between old and new names is
made here, and the counters are put in an order in which each histogram is one slice.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from fleet.metrics.dialect import IMPLAUSIBLE, Dialects, Kind, Metric, Rule, pick
from fleet.metrics.exposition import Series
from fleet.metrics.identity import DEFAULT_ENGINE, MODEL_LABELS, first, gpu_id, one_gpu
from fleet.metrics.registry import ENGINES, GPUS
from fleet.model.measurement import EngineId, GpuId, Group
from fleet.model.quantity import Family, Quantity
from fleet.sources.problem import SourceProblem

NAMES = frozenset(name.encode() for name in ENGINES.names() | GPUS.names())
"""Every sample name that a target is read for, as it stands in an answer."""
MOST_ENGINES = 512
"""In one process: the largest deployments have a few hundred data-parallel ranks."""


class Term(NamedTuple):
    """One spelling's part: the sum of value x factor over its samples, each dropped when outside low..high.

    ``samples`` None: this spelling is not there.
    """

    samples: tuple[tuple[int, float], ...] | None
    low: float = 0.0
    high: float = IMPLAUSIBLE

    def of(self, values: Sequence[float]) -> float:
        """The canonical value, NaN when one of the samples is a blank or there are none."""
        if self.samples is None:
            return math.nan
        total = 0.0
        for at, factor in self.samples:
            value = values[at]
            if not self.low <= value < self.high:
                return math.nan
            total += value * factor
        return total


class Cell(NamedTuple):
    """Where a number goes and what it is made of."""

    quantity: Quantity
    row: int
    rule: Rule
    terms: tuple[Term, ...]

    def of(self, values: Sequence[float]) -> float:
        """The number, NaN for none."""
        if len(self.terms) == 1:
            return self.terms[0].of(values)
        return pick(self.rule, (term.of(values) for term in self.terms))


class Buckets(NamedTuple):
    """One histogram: ``start:end`` of the counters, ascending by edge."""

    family: Family
    group: Group
    edges: tuple[float, ...]
    start: int
    end: int


class Mean(NamedTuple):
    """One phase: the counters of its sum and its count."""

    quantity: Quantity
    row: int
    sum_at: int
    count_at: int


@dataclass(slots=True)
class Rows:
    """The rows of one kind: gauges index the target's values, rates its counters."""

    gauges: list[Cell] = field(default_factory=list)
    rates: list[Cell] = field(default_factory=list)


@dataclass(slots=True)
class Binding:
    """Everything that one layout of one target means."""

    engines: tuple[EngineId, ...] = ()
    gpus: tuple[GpuId, ...] = ()
    counters: list[int] = field(default_factory=list)
    """Index of each counter among the target's values."""
    keys: dict[tuple[str, frozenset[tuple[str, str]]], int] = field(default_factory=dict)
    """Counter by name and labels: how the window finds it again when the layout changes."""
    of_engines: Rows = field(default_factory=Rows)
    of_gpus: Rows = field(default_factory=Rows)
    buckets: list[Buckets] = field(default_factory=list)
    means: list[Mean] = field(default_factory=list)
    masks: list[tuple[int, int]] = field(default_factory=list)
    """(GPU row, index of its throttle-reason mask among the values)."""

    def at(self, namespace: str, pod: str, instance: str, node: str = "", port: str = "") -> Binding:
        """The same for another process; ``instance`` is used where its pod is not known.

        ``port`` is set for one of several processes of a pod, which may all call their engine the same.

        ``node``, where it is known, outdoes what the exporter calls its host: that may be a name for all of them.
        """
        where = {"namespace": namespace, "pod": pod, "instance": "" if pod else instance}

        def called(engine: str) -> str:
            return f"{engine}:{port}" if port else engine

        engines = tuple(one._replace(**where, engine=called(one.engine)) for one in self.engines)
        buckets = [of._replace(group=of.group._replace(**where, engine=called(of.group.engine))) for of in self.buckets]
        gpus = tuple(gpu._replace(node=node) for gpu in self.gpus) if node else self.gpus
        return replace(self, engines=engines, gpus=gpus, buckets=buckets)

    def source(self, before: Binding) -> list[int]:
        """For ``Window.relabel``: where each counter was in an earlier binding, -1 for a new one."""
        return [before.keys.get(key, -1) for key in self.keys]


@lru_cache(maxsize=64)
def bind(series: tuple[Series, ...]) -> Binding:
    """Bind the series of a layout, for a process whose pod and address are left empty (see ``Binding.at``).

    Raises SourceProblem for more engines than a process can have: garbage, or the page of a whole fleet.
    """
    return _Binder(series).binding()


class _Binder:
    def __init__(self, series: Sequence[Series]) -> None:
        self.series = series
        self.out = Binding()
        self.engine_names = ENGINES.names()
        self.by_name: dict[str, list[int]] = {}

    def binding(self) -> Binding:
        own = [i for i, s in enumerate(self.series) if s.name in self.engine_names and _ours(ENGINES, s.labels)]
        self.by_name = _by_name(own, self.series, ENGINES)
        self._engines(own)
        self._histograms()
        self.by_name = _by_name(range(len(self.series)), self.series, GPUS)
        self._gpus()
        return self.out

    def _engines(self, own: Iterable[int]) -> None:
        ids: dict[tuple[str, str], int] = {}
        for i in own:
            labels = self.series[i].labels
            model = first(labels, MODEL_LABELS)
            if model:
                ids.setdefault((model, labels.get("engine", DEFAULT_ENGINE)), len(ids))
        ids = {key: row for row, key in enumerate(sorted(ids))}
        if len(ids) > MOST_ENGINES:
            raise SourceProblem(
                f"answers the metrics of {len(ids)} engines", "scrape the engines, not what speaks for all of them"
            )
        self.out.engines = tuple(EngineId("", "", model, engine) for model, engine in ids)
        for row, key in enumerate(ids):
            mine = {name: [i for i in found if self._of_engine(i, key, ids)] for name, found in self.by_name.items()}
            shared = self.by_name if row == 0 else {}
            self._cells(ENGINES, row, self.out.of_engines, mine, shared)
            self._phases(row, mine)

    def _of_engine(self, at: int, key: tuple[str, str], ids: Mapping[tuple[str, str], int]) -> bool:
        labels = self.series[at].labels
        model, engine = first(labels, MODEL_LABELS), labels.get("engine", "")
        if model:
            return (model, engine or DEFAULT_ENGINE) == key
        # cache_config_info names the engine and no model, and before data parallelism not even that.
        return engine == key[1] if engine else len(ids) == 1

    def _gpus(self) -> None:
        said: dict[tuple[str, str], set[GpuId]] = defaultdict(set)
        rows: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(dict)
        for name, found in self.by_name.items():
            for i in found:
                gpu = gpu_id(self.series[i].labels)
                said[gpu[:2]].add(gpu)
                # The same number once per pod that shares the card: it is one, not a part of a sum.
                rows[gpu[:2]].setdefault(name, [i])
        gpus = sorted(one_gpu(ids) for (uuid, _), ids in said.items() if uuid)
        self.out.gpus = tuple(gpus)
        for row, mine in enumerate(rows[gpu[:2]] for gpu in gpus):
            self._cells(GPUS, row, self.out.of_gpus, mine, {})
            mask = next((mine[name][0] for name in GPUS.masks if name in mine), None)
            if mask is not None:
                self.out.masks.append((row, mask))

    def _cells(
        self,
        dialect: Dialects,
        row: int,
        rows: Rows,
        mine: Mapping[str, list[int]],
        shared: Mapping[str, list[int]],
    ) -> None:
        bound: set[Quantity] = set()
        for quantity, rule in dialect.rules.items():
            found = [
                (metric, chosen)
                for metric in rule.metrics
                if (chosen := self._chosen(metric, (shared if rule.per_process else mine).get(metric.name, ())))
            ]
            if not found and rule.zero_beside in bound:
                rows.rates.append(Cell(quantity, row, rule, (Term(()),)))
            if not found:
                continue
            bound.add(quantity)
            kind = found[0][0].kind
            # Gauges and counters of one quantity are alternatives, never parts of one number.
            alike = {metric: chosen for metric, chosen in found if metric.kind is kind}
            absent = Term(None)
            terms = tuple(self._term(m, alike[m]) if m in alike else absent for m in rule.metrics if m.kind is kind)
            (rows.gauges if kind is Kind.GAUGE else rows.rates).append(Cell(quantity, row, rule, terms))

    def _chosen(self, metric: Metric, found: Iterable[int]) -> list[int]:
        return [i for i in found if metric.accepts(self.series[i].labels)]

    def _term(self, metric: Metric, chosen: Iterable[int]) -> Term:
        samples = ((i, metric.factor(self.series[i].labels)) for i in chosen)
        if metric.kind is Kind.COUNTER:
            samples = ((self._counter(i), factor) for i, factor in samples)
        return Term(tuple(samples), *(metric.valid if metric.kind is Kind.GAUGE else ()))

    def _counter(self, at: int) -> int:
        series = self.series[at]
        key = (series.name, frozenset(series.labels.items()))
        if key not in self.out.keys:
            self.out.keys[key] = len(self.out.counters)
            self.out.counters.append(at)
        return self.out.keys[key]

    def _phases(self, row: int, mine: Mapping[str, list[int]]) -> None:
        for quantity, bases in ENGINES.phases.items():
            for base in bases:
                total, count = mine.get(f"{base}_sum"), mine.get(f"{base}_count")
                if total and count:
                    self.out.means.append(Mean(quantity, row, self._counter(total[0]), self._counter(count[0])))
                    break

    def _histograms(self) -> None:
        for engine in self.out.engines:
            for family, bases in ENGINES.families.items():
                buckets = next(filter(None, (self._edges(base, engine) for base in bases)), None)
                if buckets:
                    at = [self._counter(i) for _, i in sorted(buckets.items())]
                    group = Group("", engine.model, "", engine.engine)
                    self.out.buckets.append(Buckets(family, group, tuple(sorted(buckets)), at[0], at[-1] + 1))

    def _edges(self, base: str, engine: EngineId) -> dict[float, int]:
        edges: dict[float, int] = {}
        for i in self.by_name.get(f"{base}_bucket", ()):
            labels = self.series[i].labels
            key = (first(labels, MODEL_LABELS), labels.get("engine", DEFAULT_ENGINE))
            edge = _edge(labels.get("le", ""))
            if key == (engine.model, engine.engine) and not math.isnan(edge):
                edges.setdefault(edge, i)
        return edges


def _edge(text: str) -> float:
    try:
        edge = float(text)
    except ValueError:
        return math.nan
    return edge if edge > -math.inf else math.nan


def _ours(dialect: Dialects, labels: Mapping[str, str]) -> bool:
    return all(match.accepts(labels) for match in dialect.exclude)


def _by_name(own: Iterable[int], series: Sequence[Series], dialect: Dialects) -> dict[str, list[int]]:
    names: dict[str, list[int]] = {}
    known = dialect.names()
    for i in own:
        if series[i].name in known:
            names.setdefault(dialect.canonical(series[i].name), []).append(i)
    return names
