"""The engines that a metrics store has series of: the rows of a measurement, and how series find them.

Derived from the labels of the answer to ``queries.engines``; its values, which are sample times, only decide between
several processes that expose the same engine.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.metrics.answers import Labels, Process, process
from fleet.metrics.dialect import Dialect
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.expressions import DIALECT, DOWN, GONE, PRESENT, STAMP, YOUNG
from fleet.metrics.identity import (
    CLUSTER_LABEL,
    NAMESPACE_LABELS,
    POD_LABELS,
    REPLICA_LABELS,
    engine_id,
    engine_labels,
    first,
)
from fleet.metrics.moved_series import LostSeriesError
from fleet.metrics.promql import TAG
from fleet.metrics.queries import running_names
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.model.measurement import EngineId
from fleet.model.naming import SeriesNaming

_Key = tuple[str | None, ...]
"""The values of some labels, None for an absent one."""
_Stamps = Sequence[tuple[Process, int]]
"""The processes that expose an engine, each with the place of its sample time among the values; a process that has
several, several times.
"""


class Example(NamedTuple):
    """One engine: the names that every engine of its kind has, and its labels."""

    names: Sequence[str]
    labels: Labels


class PresentMetrics(NamedTuple):
    """The other metrics of a store, and the information in them."""

    names: frozenset[str]
    """The counters and histogram counts that the data have."""
    replicas: tuple[str, ...]
    """Labels that distinguish scrapers of the same target."""
    clusters: tuple[str, ...]
    """Clusters with engines in the store, if its series name clusters."""
    engines: DialectSet
    """The dialects of engines that the store has series of."""
    gateways: DialectSet
    """Dialects of the gateways there."""
    gpus: DialectSet
    """Dialects of the GPU exporters there."""


class EngineSeries:
    """The engines in the labels of that answer."""

    def __init__(self, series: Iterable[Labels]) -> None:
        seen: list[tuple[Labels, int]] = []
        gone: list[Labels] = []
        present: list[Labels] = []
        self.unreachable: dict[str, str] = {}
        young: set[Process] = set()
        # Values repeat over thousands of engines, and every series brings its own copy.
        share = dict[str, str]().setdefault
        for place, labels in enumerate(series):
            tag = labels.get(TAG, "")
            if tag == STAMP:
                seen.append(({label: share(text, text) for label, text in labels.items()}, place))
            elif tag == GONE:
                gone.append(labels)
            elif tag == YOUNG:
                young.add(process(labels))
            elif tag.startswith(PRESENT):
                present.append(labels)
            elif tag == DOWN:
                self.unreachable[_name(labels)] = "Prometheus cannot scrape it"
        self.present = _present(present, {labels.get(DIALECT, "") for labels, _ in seen})
        self.labels = frozenset(label for labels, _ in seen for label in labels).intersection(engine_labels(ENGINES))
        """The labels that name engines here."""
        self.process_key = _distinguishing(
            (label for label in _LONGEST_FIRST if label in self.labels), [*(labels for labels, _ in seen), *gone]
        )
        """Fewest labels that distinguish the processes, including those that ended recently."""
        naming = (*ENGINES.model_labels, *ENGINES.rank_labels)
        self.key = (*self.process_key, *(label for label in naming if label in self.labels))
        """And the engines."""
        self.young = frozenset(young)
        """The processes that are younger than the window of rates."""
        self._identify(seen)
        naming_pods = {next((label for label in POD_LABELS if labels.get(label)), "") for labels, _ in seen}
        self.naming = SeriesNaming(
            tuple(label for label in POD_LABELS if label in naming_pods),
            self.key,
            all(len({who for who, _ in by}) == 1 for by in self.stamps.values()),
        )
        """The labels by which queries select these series."""
        self._rows: EngineRows | None = None

    def _identify(self, seen: Sequence[tuple[Labels, int]]) -> None:
        """Identify the engines, the process that exposes each, and the dialects it uses."""
        stamps: dict[EngineId, _Stamps] = {}
        speaks: dict[EngineId, set[str]] = defaultdict(set)
        nameless: list[tuple[Labels, Dialect, int]] = []
        self.example = Example((), {})
        self.keys: list[tuple[_Key, _Key, Process, EngineId]] = []
        """Values, for each series, of ``key`` and of ``process_key``, the process that exposes it, and the engine."""
        for labels, place in seen:
            dialect = ENGINES.by_name(labels.get(DIALECT, ""))
            if dialect is None:
                continue
            engine, who = engine_id(labels, dialect), process(labels)
            own, its = tuple(map(labels.get, self.key)), tuple(map(labels.get, self.process_key))
            self.keys.append((own, its, who, engine))
            if engine.model:
                stamps[engine] = (*stamps.get(engine, ()), (who, place))
                speaks[engine].add(dialect.name)
            elif not dialect.model_labels:
                nameless.append((labels, dialect, place))
            else:
                continue
            if not self.example.names:
                plain = {label: text for label, text in labels.items() if label not in (TAG, DIALECT)}
                self.example = Example(running_names(dialect), plain)
        named: dict[Process, list[EngineId]] = defaultdict(list)
        for engine, by in stamps.items():
            for who in dict(by):
                named[who].append(engine)
        for labels, dialect, place in nameless:
            who = process(labels)
            # If it also runs engines that name their model, it counts for those.
            for engine in named[who]:
                speaks[engine].add(dialect.name)
            if not named[who]:
                engine = engine_id(labels, dialect)
                stamps[engine] = (*stamps.get(engine, ()), (who, place))
                speaks[engine].add(dialect.name)
        self.stamps: Mapping[EngineId, _Stamps] = dict(sorted(stamps.items()))
        products = {some: tuple(m.name for m in ENGINES if m.name in some) for some in map(frozenset, speaks.values())}
        self.dialects = tuple(products[frozenset(speaks[engine])] for engine in self.stamps)
        """Products whose metrics each row has."""

    def rows(self, values: Sequence[float]) -> EngineRows:
        """The rows: the same object as the last time while the same process is chosen for each engine."""
        if self._rows is None or not self._rows.chooses_same(values):
            self._rows = EngineRows(self, values)
        return self._rows


@dataclass(frozen=True, slots=True)
class Placing:
    """The rows of series, by their labels. Equal placings put every series into the same row, whatever the ages of
    rows.
    """

    ids: tuple[EngineId, ...]
    """The rows."""
    engines: DialectSet
    """The dialects of engines that the store has series of."""
    dialects: tuple[tuple[str, ...], ...]
    """Products whose metrics each row has."""
    key: tuple[str, ...]
    process_key: tuple[str, ...]
    """Labels that distinguish engines, and processes (see ``EngineSeries``)."""
    rows_of_process: Mapping[Process, Sequence[int]]
    row_of_key: Mapping[_Key, int]
    process_of_key: Mapping[_Key, Process]

    def sources(self, before: Placing) -> list[int]:
        """Return each row's index in ``before``, -1 for a new row; a process is kept only if all its rows are
        unchanged.

        Raises LostSeriesError if series may belong to other rows than before.
        """
        if self.engines is not before.engines or (self.key, self.process_key) != (before.key, before.process_key):
            raise LostSeriesError
        sources = [-1] * len(self.ids)
        rows: dict[int, int] = {}
        for who, mine in self.rows_of_process.items():
            theirs = before.rows_of_process.get(who, ())
            if self._of(mine) == before._of(theirs):
                for row, source in zip(mine, theirs, strict=True):
                    sources[row], rows[source] = source, row
        kept = {who for who, theirs in before.rows_of_process.items() if theirs and theirs[0] in rows}
        if not all(
            self.row_of_key.get(key) == rows[row] for key, row in before.row_of_key.items() if row in rows
        ) or not all(self.process_of_key.get(key) == who for key, who in before.process_of_key.items() if who in kept):
            raise LostSeriesError
        return sources

    def _of(self, rows: Sequence[int]) -> list[tuple[EngineId, tuple[str, ...]]]:
        return [(self.ids[row], self.dialects[row]) for row in rows]

    def row(self, labels: Labels) -> int | None:
        """Return the row of a series; None if another process was chosen for that engine, or it is unknown."""
        return self.row_of_key.get(tuple(map(labels.get, self.key)))

    def of_process(self, labels: Labels) -> Sequence[int]:
        """The rows of the process that a series with all its labels comes from."""
        return self.rows_of_process.get(process(labels), ())

    def of_those(self, labels: Labels) -> Sequence[int]:
        """Return the rows of its process that a series may be about, by its model and rank."""
        who = self.process_of_key.get(tuple(map(labels.get, self.process_key)))
        mine = self.rows_of_process.get(who, ()) if who else ()
        model, rank = first(labels, ENGINES.model_labels), first(labels, ENGINES.rank_labels)
        return [row for row in mine if model in ("", self.ids[row].model) and rank in ("", self.ids[row].engine)]

    def row_or_first(self, labels: Labels) -> int | None:
        """The row of a series; if it names no rank and the process has several, the first."""
        row = self.row(labels)
        return next(iter(self.of_those(labels)), None) if row is None else row

    def of_gauge(self, labels: Labels) -> Sequence[int]:
        """The rows that a gauge describes: its own; for a gauge that names less of an engine than its row does, the
        only possible one.
        """
        row = self.row(labels)
        if row is not None:
            return (row,)
        mine = self.of_those(labels)
        return mine if len(mine) == 1 or first(labels, ENGINES.rank_labels) else ()


class EngineRows:
    """The rows of the engines: for each, the process with the newest sample is chosen."""

    def __init__(self, series: EngineSeries, values: Sequence[float]) -> None:
        self.series = series
        self.ids = tuple(series.stamps)
        self._chosen = {engine: _newest(by, values) for engine, by in series.stamps.items()}
        self._several = {engine: by for engine, by in series.stamps.items() if len(by) > 1}
        of = {engine: row for row, engine in enumerate(self.ids)}
        of_process: dict[Process, list[int]] = defaultdict(list)
        for engine, row in of.items():
            of_process[self._chosen[engine]].append(row)
        self.young = tuple(row for engine, row in of.items() if self._chosen[engine] in series.young)
        """The rows of engines that are younger than the window of rates."""
        row_of_key: dict[_Key, int] = {}
        process_of_key: dict[_Key, Process] = {}
        for own, its, who, engine in series.keys:
            process_of_key[its] = who
            if self._chosen.get(engine) == who:
                row_of_key[own] = of[engine]
        self.placing = Placing(
            self.ids,
            series.present.engines,
            series.dialects,
            series.key,
            series.process_key,
            {who: tuple(rows) for who, rows in of_process.items()},
            row_of_key,
            process_of_key,
        )

    def chooses_same(self, values: Sequence[float]) -> bool:
        """True if the same processes would be chosen."""
        return all(_newest(by, values) == self._chosen[engine] for engine, by in self._several.items())

    def ages(self, values: Sequence[float], at: float) -> array[float]:
        """Return the age of the newest sample of each row, in seconds at ``at``."""
        chosen, stamps = self._chosen, self.series.stamps
        newest = (max(values[place] for who, place in stamps[one] if who == chosen[one]) for one in self.ids)
        return array("d", (max(0.0, at - stamp) for stamp in newest))

    def of_process(self, labels: Labels) -> Sequence[int]:
        """The rows of the process that a series with all its labels comes from."""
        return self.placing.of_process(labels)

    @property
    def nameless(self) -> frozenset[str]:
        """Pods (``namespace/pod``) of the engines whose series name no model."""
        return frozenset(f"{engine.namespace}/{engine.pod}" for engine in self.ids if not engine.model and engine.pod)

    def label_values(self, pods: Iterable[str]) -> dict[str, set[str]]:
        """Label → values that select the engines of these pods (``namespace/pod``) in a query."""
        wanted = set(pods)
        chosen: dict[str, set[str]] = defaultdict(set)
        for engine, who in self._chosen.items():
            if f"{engine.namespace}/{engine.pod}" in wanted:
                chosen["instance" if who.instance else "pod"].add(who.instance or who.pod)
        return dict(chosen)


def _newest(by: _Stamps, values: Sequence[float]) -> Process:
    """Return the process with the newest sample; of several, the first by name."""
    if len(by) == 1:
        return by[0][0]
    newest = max(values[place] for _, place in by)
    return min(who for who, place in by if values[place] == newest)


def _distinguishing(labels: Iterable[str], rows: Collection[Labels]) -> tuple[str, ...]:
    """Return the fewest of these labels that distinguish the same rows as all of them do; at least one."""
    kept = tuple(labels)
    distinct = len({tuple(map(row.get, kept)) for row in rows})
    for label in kept[:-1]:
        fewer = tuple(other for other in kept if other != label)
        if len({tuple(map(row.get, fewer)) for row in rows}) == distinct:
            kept = fewer
    return kept


def _present(series: Sequence[Labels], products: Collection[str]) -> PresentMetrics:
    """Return what the store has, from one series of each metric; ``products`` are the products of its engines."""
    names = {labels.get("__name__", "") for labels in series}
    return PresentMetrics(
        frozenset(names),
        tuple(label for label in REPLICA_LABELS if any(labels.get(label) for labels in series)),
        tuple(sorted(filter(None, {labels.get(CLUSTER_LABEL, "") for labels in series}))),
        ENGINES.of_products({name for name in products if name} | _present_products(ENGINES, names)),
        GATEWAYS.of_products(_present_products(GATEWAYS, names)),
        GPUS.of_products({member.name for member in GPUS if any(name in names for name in member.seen_by())}),
    )


def _present_products(dialects: DialectSet, names: Collection[str]) -> set[str]:
    """Return the products that have one of the metrics that every process has."""
    return {member.name for member in dialects if any(name in names for name in running_names(member))}


_LONGEST_FIRST = (*NAMESPACE_LABELS, *POD_LABELS, "job", "instance")
"""The labels of a process, in the order in which they can be left out."""


def _name(labels: Labels) -> str:
    pod = first(labels, POD_LABELS)
    return f"{first(labels, NAMESPACE_LABELS)}/{pod}" if pod else labels.get("instance", "")
