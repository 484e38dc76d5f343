"""Measurements of one fleet by several sources, merged so that every process counts once.

The rules, which hold for any number of stores and for direct scrapes:

- All rows of a process (a pod, else an address) come from one source: the first declared that has it. A later one takes
  over if its newest sample of the process is fresher by more than a scrape interval of either: less is only the phase
  of two scrapers. A GPU is a row of its own.
- Numbers are never added up across sources for the same process, and every row names its source.
- The percentiles of a model come from merged buckets: the sources' own merged buckets if each has exactly the processes
  that are read from it, else the buckets of single processes. Until those have been queried there are no percentiles,
  and ``MergedMeasurement.lacking`` names the pods to query.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from fleet.model.addresses import Addresses, pod_of_engine
from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, GatewayId, Measurement, SourceNames, Table
from fleet.model.objects import Pod
from fleet.model.quantity import Family, Quantity

K = TypeVar("K")
R = TypeVar("R")


class LastMeasurement(NamedTuple):
    """The last measurement of a source."""

    name: str
    """Name of the source, as in its status."""
    measurement: Measurement
    failed_since: bool = False
    """True if it has failed since: then it counts only for pods that still exist."""


class MergedMeasurement(NamedTuple):
    """The measurements as one."""

    measurement: Measurement | None
    lacking: frozenset[str] = frozenset()
    """Keys of pods whose own buckets are needed: several sources have a part of their model each, with overlaps."""


def merged(sources: Sequence[LastMeasurement], pods: Mapping[str, Pod]) -> MergedMeasurement:
    """Return the measurements as one, by the rules above; ``sources`` is in the order of declaration."""
    if not sources:
        return MergedMeasurement(None)
    if len(sources) == 1 and sources[0].name == sources[0].measurement.source:
        return MergedMeasurement(sources[0].measurement)
    return _Merging(sources, pods).merged()


class _Chosen(NamedTuple):
    """The rows that count: of each measurement the numbers of them, in the order of the measurements."""

    rows: tuple[Sequence[int], ...]

    def of(self, every: Sequence[Sequence[R]]) -> tuple[R, ...]:
        """The rows of a field that is aligned with them; of a measurement that does not have it, none."""
        return tuple(own[i] for own, chosen in zip(every, self.rows, strict=True) for i in chosen if own)

    def column(self, every: Sequence[array[float] | None]) -> array[float]:
        """Return a column of all rows; NaN for those that lack it."""
        out = array("d")
        for own, chosen in zip(every, self.rows, strict=True):
            out.extend(math.nan if own is None else own[i] for i in chosen)
        return out

    def names(self, sources: Sequence[LastMeasurement]) -> tuple[str, ...]:
        """The name of the source of each."""
        return tuple(one.name for one, chosen in zip(sources, self.rows, strict=True) for _ in chosen)


class _Merging:
    """Merges the measurements of one moment."""

    def __init__(self, sources: Sequence[LastMeasurement], pods: Mapping[str, Pod]) -> None:
        self._sources = sources
        self._all = [one.measurement for one in sources]
        self._pods = pods
        self._addresses = Addresses.of(pods)
        whole = next((m for m in self._all if m.engines), self._all[0])
        self._whole = max((m for m in self._all if m.source == whole.source), key=_console_time)

    def merged(self) -> MergedMeasurement:
        # Not needed with a single source, as for most first values.
        from fleet.metrics.merged_histograms import Share, histograms_of

        engines_of = [[self._process(engine) for engine in m.engines] for m in self._all]
        best = self._best(engines_of, [m.engine_table for m in self._all], [m.interval for m in self._all])
        engines = self._chosen(engines_of, best)
        shares = [
            Share(m, {*_of(best, i)}, dict(zip(m.engines, own, strict=True)), self._process)
            for i, (m, own) in enumerate(zip(self._all, engines_of, strict=True))
        ]
        histograms, lacking = histograms_of(shares, self._pods)
        reached = {*best}
        found = self._with_gateways(
            replace(
                self._whole,
                window=max(m.window for m in self._all),
                interval=max(m.interval for m in self._all),
                engines=engines.of([m.engines for m in self._all]),
                dialects=engines.of([m.dialects or ((),) * len(m.engines) for m in self._all]),
                engine_table=self._table(engines, [m.engine_table for m in self._all]),
                means={
                    quantity: (
                        engines.column([_pair(m, quantity, 0) for m in self._all]),
                        engines.column([_pair(m, quantity, 1) for m in self._all]),
                    )
                    for quantity in _keys(m.means for m in self._all)
                },
                histograms=histograms,
                unreachable=self._silent((m.unreachable for m in self._all), reached),
                unread=self._silent((m.unread for m in self._all), reached),
                requests=sum(m.requests for m in self._all),
                notes=tuple(dict.fromkeys(note for m in self._all for note in m.notes)),
                sources=SourceNames(engines=engines.names(self._sources)),
                naming={one.name: naming for one in self._sources for naming in one.measurement.naming.values()},
            )
        )
        return MergedMeasurement(self._with_gpus(found), lacking)

    def _with_gateways(self, found: Measurement) -> Measurement:
        tables = [m.gateway_table for m in self._all]
        processes = self._gateway_processes()
        gateways = self._chosen(processes, self._best(processes, tables, [m.interval for m in self._all]))
        rows = gateways.of([m.gateways for m in self._all])
        own = [{m.gateways[i] for i in chosen} for m, chosen in zip(self._all, gateways.rows, strict=True)]
        histograms: dict[Family, dict[GatewayId, Histogram]] = defaultdict(dict)
        for m, mine in zip(self._all, own, strict=True):
            for family, each in m.gateway_histograms.items():
                histograms[family].update((row, one) for row, one in each.items() if row in mine)
        return replace(
            found,
            gateways=rows,
            gateway_table=self._table(gateways, tables),
            gateway_histograms=dict(histograms),
            sources=found.sources._replace(gateways=gateways.names(self._sources)),
        )

    def _with_gpus(self, found: Measurement) -> Measurement:
        tables, intervals = [m.gpu_table for m in self._all], [m.gpu_interval or m.interval for m in self._all]
        keys = [[gpu.key for gpu in m.gpus] for m in self._all]
        best = self._best(keys, tables, intervals, in_pods=False)
        gpus = self._chosen(keys, best)
        used = [interval for i, interval in enumerate(intervals) if i in best.values()]
        reasons = {
            key: why for i, m in enumerate(self._all) for key, why in m.throttle_reasons.items() if best.get(key) == i
        }
        return replace(
            found,
            gpus=gpus.of([m.gpus for m in self._all]),
            gpu_table=self._table(gpus, tables),
            gpu_interval=max(used, default=0.0),
            throttle_reasons=reasons,
            sources=found.sources._replace(gpus=gpus.names(self._sources)),
        )

    def _process(self, engine: EngineId) -> str:
        """The pod that runs it, as far as it is known; else the address that it was scraped at, or the name it has."""
        pod = pod_of_engine(engine, self._pods, self._addresses)
        return pod or (f"{engine.namespace}/{engine.pod}" if engine.pod else engine.instance)

    def _gateway_processes(self) -> list[list[str]]:
        """Return the process of each gateway row. If a source names a process of some product that is not a known pod,
        the same process may have two names: then all of that product count as one, from one source.
        """
        pods = [
            [self._process(EngineId(g.namespace, g.pod, "", "", g.instance)) for g in m.gateways] for m in self._all
        ]
        nameless = {
            g.dialect
            for m, own in zip(self._all, pods, strict=True)
            for g, pod in zip(m.gateways, own, strict=True)
            if g.instance and pod == g.instance
        }
        return [
            [g.dialect if g.dialect in nameless else pod for g, pod in zip(m.gateways, own, strict=True)]
            for m, own in zip(self._all, pods, strict=True)
        ]

    def _best(
        self,
        keys: Sequence[Sequence[str]],
        tables: Sequence[Table],
        intervals: Sequence[float],
        *,
        in_pods: bool = True,
    ) -> dict[str, int]:
        """Return, for each key, the index of the source that it is read from."""
        best: dict[str, tuple[int, float]] = {}
        for i, (own, table) in enumerate(zip(keys, tables, strict=True)):
            newest: dict[str, float] = {}
            for row, key in enumerate(own):
                age = table.ages[row] if row < len(table.ages) else 0.0
                taken = _console_time(self._all[i]) - age
                newest[key] = max(newest.get(key, -math.inf), taken if taken == taken else -math.inf)
            for key, taken in newest.items():
                if in_pods and self._sources[i].failed_since and key not in self._pods:
                    continue
                known = best.get(key)
                if known is None or taken - known[1] > max(intervals[i], intervals[known[0]]):
                    best[key] = (i, taken)
        return {key: i for key, (i, _) in best.items()}

    def _chosen(self, keys: Sequence[Sequence[str]], best: Mapping[str, int]) -> _Chosen:
        return _Chosen(tuple([row for row, key in enumerate(own) if best.get(key) == i] for i, own in enumerate(keys)))

    def _table(self, chosen: _Chosen, tables: Sequence[Table]) -> Table:
        ages = [self._as_of_whole(m, table.ages) for m, table in zip(self._all, tables, strict=True)]
        columns = {
            quantity: chosen.column([table.columns.get(quantity) for table in tables])
            for quantity in _keys(table.columns for table in tables)
        }
        rows = [(table, row) for table, own in zip(tables, chosen.rows, strict=True) for row in own]
        reset = frozenset(at for at, (table, row) in enumerate(rows) if row in table.reset)
        return Table(columns, chosen.column([own or None for own in ages]), reset)

    def _as_of_whole(self, other: Measurement, ages: array[float]) -> array[float]:
        """Return the ages of another measurement's rows at the time of the merged one."""
        later = _console_time(self._whole) - _console_time(other)
        return array("d", (max(0.0, age + later) for age in ages)) if later else ages

    def _silent(self, reports: Iterable[Mapping[str, str]], reached: set[str]) -> dict[str, str]:
        """Return the targets that a source has no data for, unless another source reaches them."""
        found: dict[str, str] = {}
        for targets in reports:
            for target, why in targets.items():
                if target not in reached and self._addresses.pod_at(target) not in reached:
                    found.setdefault(target, why)
        return found


def _console_time(m: Measurement) -> float:
    """Return the time of its values, by the console's clock."""
    return m.at - m.clock_skew


def _of(best: Mapping[str, int], i: int) -> Iterator[str]:
    return (key for key, source in best.items() if source == i)


def _keys(every: Iterable[Mapping[K, object]]) -> dict[K, None]:
    return {key: None for one in every for key in one}


def _pair(m: Measurement, quantity: Quantity, at: int) -> array[float] | None:
    pair = m.means.get(quantity)
    return pair[at] if pair is not None else None
