"""Binds the series of one target to rows (engines, gateways, GPUs) and quantities, by the dialects.

The choice between old and new names is made here, and the counters are ordered so that each histogram is one slice. The
result is a ``Binding`` (``fleet.metrics.series_cells``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from fleet.metrics.dialect import Dialect, Metric, MetricType
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.exposition import SampleSeries
from fleet.metrics.identity import DEFAULT_ENGINE, backend_of, exporter_pods, first, gpu_id, one_gpu
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.metrics.series_cells import Binding, BucketCells, Mean, NumberCell, RowCells, Term
from fleet.model.counting import count
from fleet.model.measurement import EngineId, GatewayId, GpuId
from fleet.model.problem import SourceProblem


def names() -> frozenset[bytes]:
    """Return every sample name that is read from a target, as it appears in an answer."""
    return _names(ENGINES.version, GATEWAYS.version, GPUS.version)


@lru_cache(maxsize=8)
def _names(*versions: int) -> frozenset[bytes]:
    del versions
    return frozenset(name.encode() for name in ENGINES.names | GATEWAYS.names | GPUS.names)


MOST_ENGINES = 512
"""Engines of one process at most: the largest deployments have a few hundred data-parallel ranks."""


def bind(series: tuple[SampleSeries, ...]) -> Binding:
    """Bind the series of a layout, for a process whose pod and address are filled in later (see ``Binding.at``).

    Raises SourceProblem for more engines than one process can have: garbage, or the page of a whole fleet.
    """
    return _bound(series, ENGINES.version, GATEWAYS.version, GPUS.version)


@lru_cache(maxsize=64)
def _bound(series: tuple[SampleSeries, ...], *versions: int) -> Binding:
    del versions
    return _Binder(series).binding()


RowKey = tuple[str, str]
"""Served model and rank of an engine, or model and backend of a gateway."""
Found = dict[str, list[int]]
"""Name under the dialect's own prefix → the series that have it."""


class _Binder:
    def __init__(self, series: Sequence[SampleSeries]) -> None:
        self.series = series
        self.out = Binding()

    def binding(self) -> Binding:
        self._engines()
        if GATEWAYS:
            self._gateways()
        self._gpus()
        return self.out

    def _series_of_each(self, dialects: DialectSet) -> dict[Dialect, list[int]]:
        """The series of each dialect."""
        own: dict[Dialect, list[int]] = {}
        known = dialects.names
        for i, series in enumerate(self.series):
            if series.name in known and (dialect := dialects.owner(series.name, series.labels)) is not None:
                own.setdefault(dialect, []).append(i)
        # In registry order: the first dialect with a number provides it.
        return {member: self._each_once(member, own[member]) for member in dialects if member in own}

    def _each_once(self, dialect: Dialect, found: list[int]) -> list[int]:
        """Return the series without those that repeat another one's number."""
        if not dialect.repeated_by:
            return found
        kept: dict[tuple[str, frozenset[tuple[str, str]]], int] = {}
        for i in sorted(found, key=lambda i: first(self.series[i].labels, dialect.repeated_by)):
            labels = self.series[i].labels
            identity = frozenset(label for label in labels.items() if label[0] not in dialect.repeated_by)
            kept.setdefault((self.series[i].name, identity), i)
        return sorted(kept.values())

    def _engines(self) -> None:
        own = {d: found for d, found in self._series_of_each(ENGINES).items() if self._speaks(d, found)}
        keys = self._row_keys(own)
        if len(keys) > MOST_ENGINES:
            raise SourceProblem(
                f"answers the metrics of {count(len(keys), 'engine')}",
                "scrape the engines, not what aggregates them",
            )
        self.out.engines = tuple(EngineId("", "", model, rank) for model, rank in keys)
        speaks: list[list[str]] = [[] for _ in keys]
        for dialect, found in own.items():
            shared = self._by_name(dialect, found)
            for row, key in enumerate(keys):
                mine = {n: chosen for n, at in shared.items() if (chosen := self._of_engine(dialect, at, key, keys))}
                if not mine:
                    continue
                speaks[row].append(dialect.name)
                self._cells(dialect, row, self.out.of_engines, mine, shared if row == 0 else {})
                self._phases(dialect, row, mine)
                self._histograms(dialect, row, self.out.of_engines, mine)
        self.out.dialects = tuple(map(tuple, speaks))

    def _row_keys(self, own: Mapping[Dialect, Sequence[int]]) -> list[RowKey]:
        """The engines of the process: its models, and the ranks that serve each."""
        ranks: dict[str, set[str]] = defaultdict(set)
        for dialect, found in own.items():
            for i in found:
                labels = self.series[i].labels
                ranks[first(labels, dialect.model_labels)].add(first(labels, dialect.rank_labels))
        nameless = ranks.pop("", set())
        if not ranks and any(not dialect.model_labels for dialect in own):
            ranks[""] = nameless
        return sorted((model, rank) for model, some in ranks.items() for rank in some - {""} or {DEFAULT_ENGINE})

    def _speaks(self, dialect: Dialect, found: Iterable[int]) -> bool:
        """True if the process has a metric unique to the dialect: its other names are shared with other programs."""
        common = {m.name for rule in dialect.rules.values() if rule.per_process for m in rule.metrics}
        return any(self.series[i].name not in common for i in found)

    def _of_engine(self, dialect: Dialect, at: Iterable[int], key: RowKey, keys: Sequence[RowKey]) -> list[int]:
        """Return the series that are about one engine.

        A series with a rank and no model (cache information) is about each model of that rank; one with neither, about
        the only engine; and one without a rank in a process of several is a number of the process: it goes into the
        first row of its model.
        """
        found = []
        for i in at:
            labels = self.series[i].labels
            model, rank = first(labels, dialect.model_labels), first(labels, dialect.rank_labels)
            if not model:
                mine = rank == key[1] if rank else len(keys) == 1
            elif rank or (model, DEFAULT_ENGINE) in keys:
                mine = (model, rank or DEFAULT_ENGINE) == key
            else:
                mine = key == next((other for other in keys if other[0] == model), None)
            if mine:
                found.append(i)
        return found

    def _gateways(self) -> None:
        for dialect, found in self._series_of_each(GATEWAYS).items():
            rows: dict[RowKey, list[int]] = defaultdict(list)
            for i in found:
                labels = self.series[i].labels
                rows[first(labels, dialect.model_labels), backend_of(labels, dialect)].append(i)
            for (model, backend), mine in sorted(rows.items()):
                row = len(self.out.gateways)
                self.out.gateways += (GatewayId("", "", dialect.name, model, backend),)
                named = self._by_name(dialect, mine)
                self._cells(dialect, row, self.out.of_gateways, named, named)
                self._histograms(dialect, row, self.out.of_gateways, named)
        if len(self.out.gateways) > MOST_ENGINES:
            raise SourceProblem(f"answers the metrics of {count(len(self.out.gateways), 'server')} behind it", "")

    def _gpus(self) -> None:
        names, exporters = GPUS.gpu, exporter_pods(GPUS)
        own = self._series_of_each(GPUS)
        ids_of: dict[tuple[str, str], set[GpuId]] = defaultdict(set)
        rows: dict[tuple[str, str], dict[Dialect, Found]] = defaultdict(lambda: defaultdict(dict))
        for dialect, found in own.items():
            for name, at in self._by_name(dialect, found).items():
                for i in at:
                    gpu = gpu_id(self.series[i].labels, names, exporters)
                    ids_of[gpu[:2]].add(gpu)
                    rows[gpu[:2]][dialect].setdefault(name, []).append(i)
        gpus = sorted(one_gpu(ids) for (uuid, _), ids in ids_of.items() if uuid)
        self.out.gpus = tuple(gpus)
        for row, gpu in enumerate(gpus):
            for dialect, mine in rows[gpu[:2]].items():
                # The same number for each pod that shares the card: one number, not parts of a sum.
                self._cells(dialect, row, self.out.of_gpus, mine, {}, one_of_each=True)
                mask = next(((mine[name][0], bits) for name, bits in dialect.masks.items() if name in mine), None)
                if mask is not None:
                    self.out.masks.append((row, *mask))

    def _by_name(self, dialect: Dialect, found: Iterable[int]) -> Found:
        names: Found = {}
        for i in found:
            names.setdefault(dialect.canonical(self.series[i].name), []).append(i)
        return names

    def _cells(
        self,
        dialect: Dialect,
        row: int,
        rows: RowCells,
        mine: Mapping[str, list[int]],
        shared: Mapping[str, list[int]],
        *,
        one_of_each: bool = False,
    ) -> None:
        bound = {cell.quantity for cell in (*rows.gauges, *rows.rates, *rows.latest) if cell.row == row}
        for quantity, rule in dialect.rules.items():
            if quantity in bound:
                continue
            found = [
                (metric, chosen)
                for metric in rule.metrics
                if (chosen := self._accepted(metric, (shared if rule.per_process else mine).get(metric.name, ())))
            ]
            if not found and rule.zero_beside in bound:
                rows.rates.append(NumberCell.made_of(quantity, row, rule, (Term(()),)))
            if not found:
                continue
            bound.add(quantity)
            kind = found[0][0].kind
            # Gauges and counters of one quantity are alternatives, never parts of one number.
            alike = {metric: chosen for metric, chosen in found if metric.kind is kind}
            absent = Term(None)
            most = 1 if one_of_each else None
            terms = tuple(
                self._term(m, alike[m][:most]) if m in alike else absent for m in rule.metrics if m.kind is kind
            )
            counted = rows.latest if rule.latest else rows.rates
            (rows.gauges if kind is MetricType.GAUGE else counted).append(
                NumberCell.made_of(quantity, row, rule, terms)
            )

    def _accepted(self, metric: Metric, found: Iterable[int]) -> list[int]:
        return [i for i in found if metric.accepts(self.series[i].labels)]

    def _term(self, metric: Metric, chosen: Iterable[int]) -> Term:
        samples = ((i, metric.factor(self.series[i].labels)) for i in chosen)
        if metric.kind is MetricType.COUNTER:
            samples = ((self._counter(i), factor) for i, factor in samples)
        reading = (*metric.valid, metric.less, metric.state, metric.once) if metric.kind is MetricType.GAUGE else ()
        return Term(tuple(samples), *reading)

    def _counter(self, at: int) -> int:
        series = self.series[at]
        key = (series.name, frozenset(series.labels.items()))
        if key not in self.out.keys:
            self.out.keys[key] = len(self.out.counters)
            self.out.counters.append(at)
        return self.out.keys[key]

    def _phases(self, dialect: Dialect, row: int, mine: Mapping[str, list[int]]) -> None:
        done = {mean.quantity for mean in self.out.means if mean.row == row}
        for quantity, bases in dialect.phases.items():
            if quantity in done:
                continue
            for base in bases:
                total, count = mine.get(f"{base}_sum"), mine.get(f"{base}_count")
                if total and count:
                    sums, counts = (tuple(map(self._counter, found)) for found in (total, count))
                    per_second = dialect.per_second.get(base, 1.0)
                    self.out.means.append(Mean(quantity, row, sums, counts, per_second))
                    break

    def _histograms(self, dialect: Dialect, row: int, rows: RowCells, mine: Mapping[str, list[int]]) -> None:
        done = {buckets.family for buckets in rows.buckets if buckets.row == row}
        for family, bases in dialect.families.items():
            if family in done:
                continue
            there = (base for base in bases if f"{base}_bucket" in mine)
            histograms = ((base, found) for base in there if (found := self._by_edge(mine[f"{base}_bucket"])))
            base, found = next(histograms, ("", []))
            per_second = dialect.per_second.get(base, 1.0)
            for edges in found:
                at = [self._counter(i) for _, i in sorted(edges.items())]
                in_seconds = tuple(upper / per_second for upper in sorted(edges))
                rows.buckets.append(BucketCells(family, row, in_seconds, at[0], at[-1] + 1))

    def _by_edge(self, found: Iterable[int]) -> list[dict[float, int]]:
        """The buckets by their edge, of each histogram that a row has."""
        histograms: dict[frozenset[tuple[str, str]], dict[float, int]] = defaultdict(dict)
        for i in found:
            labels = self.series[i].labels
            edge = _edge(labels.get("le", ""))
            if not math.isnan(edge):
                identity = frozenset(label for label in labels.items() if label[0] != "le")
                histograms[identity].setdefault(edge, i)
        return list(histograms.values())


def _edge(text: str) -> float:
    try:
        edge = float(text)
    except ValueError:
        return math.nan
    return edge if edge > -math.inf else math.nan
