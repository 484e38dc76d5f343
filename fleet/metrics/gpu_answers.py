"""The GPUs, from the answer to ``queries.gpus``: which GPU a series is about, which pod holds it, and which quantity it
is.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from fleet.metrics.answer_columns import Choice, ColumnPart, columns, table
from fleet.metrics.answers import Labels
from fleet.metrics.dialect import Dialect, Metric, MetricType, bit_words
from fleet.metrics.expressions import STAMP
from fleet.metrics.identity import POD_LABELS, exporter_pods, gpu_id, gpu_key, gpu_key_labels, one_gpu
from fleet.metrics.moved_series import LostSeriesError, Moved
from fleet.metrics.promql import TAG
from fleet.metrics.registry import GPUS
from fleet.model.measurement import GpuId, Table
from fleet.model.naming import SeriesNaming
from fleet.model.quantity import Quantity

_Key = tuple[str, str]
"""UUID and MIG instance."""
_Cells = dict[_Key, list[tuple[Labels, int]]]
"""The series of one name by GPU, and the places of their numbers among the values."""


class Gpus:
    """The meaning of the series of that answer."""

    def __init__(self, series: Iterable[Labels] = ()) -> None:
        self._version = GPUS.version
        self.ids: tuple[GpuId, ...] = ()
        self._stamps: list[list[int]] = []
        self._masks: dict[tuple[_Key, str], int] = {}
        self._parts: dict[tuple[Dialect, Quantity, int], ColumnPart] = {}
        """Parts by dialect, quantity and the spelling's number in its rule."""
        self._place(_sorted(enumerate(series)), {})

    def followed(self, moved: Moved) -> Gpus:
        """Return the meaning of the next answer's series. Raises LostSeriesError if it must be derived from scratch.

        The holder of every GPU is read again: one series of each states it, and it changes often.
        """
        if self._version != GPUS.version:
            raise LostSeriesError
        other = Gpus()
        masks = {mask: moved.places[place] for mask, place in self._masks.items()}
        taken = {moved.places[place] for part in self._parts.values() for place in part.places}.union(masks.values())
        added = _sorted(moved.others(taken))
        rows = {gpu[:2]: row for row, gpu in enumerate(self.ids)}
        reporting = {gpu_key(labels, GPUS.gpu) for labels, _ in added.stamps}
        kept = rows.keys() & reporting
        known = frozenset(moved.places)
        for cells in added.cells.values():
            for key in cells.keys() & kept:
                # Values that were present before and ignored are ignored now.
                if not all(place in known for _, place in cells.pop(key)):
                    raise LostSeriesError
        other._masks = {mask: place for mask, place in masks.items() if mask[0] in kept}
        if -1 in other._masks.values() or (self.example and gpu_key(self.example, GPUS.gpu) not in kept):
            raise LostSeriesError
        other._place(added, {key: rows[key] for key in kept}, self, moved)
        other.example = self.example or other.example
        return other

    def read(self, values: Sequence[float], at: float) -> tuple[Table, dict[str, tuple[str, ...]]]:
        """Return the table, and what lowers the clocks of each GPU that reports it, from the values of such an
        answer.
        """
        ages = array("d", (max(0.0, at - max(map(values.__getitem__, places))) for places in self._stamps))
        found = columns([(choice.quantity, choice.read(values)) for choice in self._choices])
        reasons = {
            gpu.key: bit_words(values[place], bits)
            # The newest name comes last, so that it wins.
            for name, bits in reversed(GPUS.masks.items())
            for gpu in (self.ids if self._masks else ())
            if (place := self._masks.get((gpu[:2], name))) is not None
        }
        return Table(table(found), ages), reasons

    def _place(
        self,
        sorted_series: _SortedSeries,
        kept: Mapping[_Key, int],
        before: Gpus | None = None,
        moved: Moved | None = None,
    ) -> None:
        """Put series into their rows; those that are ``kept`` (key → row) have the series of ``before``."""
        by_key = _gpus_by_key(sorted_series.stamps)
        self.ids = tuple(sorted(one_gpu(ids) for ids, _ in by_key.values()))
        self._stamps = [by_key[gpu[:2]][1] for gpu in self.ids]
        self.example: Labels = sorted_series.example
        """The labels of one GPU's gauge."""
        self.metrics: frozenset[str] = (
            sorted_series.metrics if before is None else before.metrics | sorted_series.metrics
        )
        """The names that were seen, as spelled in the data."""
        self.naming = _naming([labels for labels, _ in sorted_series.stamps])
        for name in GPUS.masks:
            for gpu in self.ids if name in sorted_series.cells else ():
                if found := sorted_series.cells[name].get(gpu[:2]):
                    self._masks[gpu[:2], name] = found[0][1]
        sources = [kept.get(gpu[:2], -1) for gpu in self.ids]
        fresh = [row for row, source in enumerate(sources) if source < 0]
        for member, quantity, number, metric in _metrics():
            part = before._parts.get((member, quantity, number)) if before is not None else None
            if part is not None and moved is not None:
                part = part.moved(sources, moved.places)
            else:
                part = ColumnPart(len(self.ids), None if metric.kind is MetricType.COUNTER else metric)
            self._fill(part, metric, sorted_series.cells.get(_cell(metric.name, metric.kind), {}), fresh)
            if part.there:
                self._parts[member, quantity, number] = part
        self._choices = list(self._choose())

    def _fill(self, part: ColumnPart, metric: Metric, cells: _Cells, rows: Iterable[int]) -> None:
        """Put the first of a GPU's samples of a name that belongs to the quantity into each of these rows."""
        for row in rows if cells else ():
            for labels, place in cells.get(self.ids[row][:2], ()):
                if metric.accepts(labels):
                    part.put(row, place, metric.scale if metric.kind is MetricType.COUNTER else metric.factor(labels))
                    break

    def _choose(self) -> Iterator[Choice]:
        for member in GPUS:
            for quantity, rule in member.rules.items():
                parts = [self._parts.get((member, quantity, number)) for number in range(len(rule.metrics))]
                if any(parts):
                    yield Choice(quantity, rule, parts)


class _SortedSeries(NamedTuple):
    """Series by what they report, each with its place among the values."""

    stamps: list[tuple[Labels, int]]
    cells: dict[str, _Cells]
    example: Labels
    metrics: frozenset[str]
    """Names as spelled in the data."""


def _cell(name: str, kind: MetricType) -> str:
    """The key of a metric's cells: of a counter both the rate and the total may be read."""
    return f"{name}/{kind.value}" if kind is MetricType.COUNTER else name


def _sorted(series: Iterable[tuple[int, Labels]]) -> _SortedSeries:
    stamps: list[tuple[Labels, int]] = []
    cells: dict[str, _Cells] = defaultdict(lambda: defaultdict(list))
    example: Labels = {}
    names = GPUS.gpu
    metrics: set[str] = set()
    spelt = {spelling: m.name for member, _, _, m in _metrics() for spelling in member.spellings(m.name)}
    for place, labels in series:
        key, tag = gpu_key(labels, names), labels.get(TAG, "")
        if not key[0]:
            continue
        if tag == STAMP:
            stamps.append((labels, place))
        else:
            name = tag or labels.get("__name__", "")
            metrics.add(name)
            kind = MetricType.COUNTER if tag else MetricType.GAUGE
            cells[_cell(spelt.get(name, name), kind)][key].append((labels, place))
            example = example or ({} if tag else labels)
    return _SortedSeries(stamps, cells, example, frozenset(metrics))


def _naming(seen: Sequence[Labels]) -> SeriesNaming:
    """Return how queries select the GPUs with these labels. Where the exporter's labels are renamed, a plain ``pod`` is
    its own.
    """
    first_of = {next((label for label in POD_LABELS if labels.get(label)), "") for labels in seen}
    pods = tuple(label for label in POD_LABELS if label in first_of)
    there = {label for labels in seen for label in labels}
    return SeriesNaming(
        pods[:1] if pods[:1] == POD_LABELS[:1] else pods,
        tuple(label for label in gpu_key_labels(GPUS) if label in there),
    )


def _gpus_by_key(seen: Iterable[tuple[Labels, int]]) -> dict[_Key, tuple[list[GpuId], list[int]]]:
    """Return the GPUs as their series name them, and the places of their sample times."""
    found = tuple(seen)
    # A store may scrape one exporter with honor_labels and another without: told apart by where the exporters run.
    homes = {labels.get("namespace", "") for labels, _ in found if labels.get(POD_LABELS[0])}
    names, exporters = GPUS.gpu, exporter_pods(GPUS)
    by_key: dict[_Key, tuple[list[GpuId], list[int]]] = {}
    for labels, place in found:
        gpu = gpu_id(labels, names, exporters, exported=labels.get("namespace", "") in homes)
        ids, places = by_key.setdefault(gpu[:2], ([], []))
        ids.append(gpu)
        places.append(place)
    return by_key


def _metrics() -> Iterator[tuple[Dialect, Quantity, int, Metric]]:
    for member in GPUS:
        for quantity, rule in member.rules.items():
            for number, metric in enumerate(rule.metrics):
                yield member, quantity, number, metric
