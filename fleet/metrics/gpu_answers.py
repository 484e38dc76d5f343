"""The GPUs, from the answer to ``queries.gpus``: which one a series is about, who holds it, and which number it is."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from fleet.metrics.answers import Labels
from fleet.metrics.columns import Choice, Part, columns, table
from fleet.metrics.dialect import Dialect, Kind, Metric, bit_words
from fleet.metrics.expressions import STAMP
from fleet.metrics.identity import POD_LABELS, exporter_pods, gpu_id, gpu_key, one_gpu
from fleet.metrics.promql import TAG
from fleet.metrics.registry import GPUS
from fleet.model.measurement import GpuId, Table

_Key = tuple[str, str]
"""UUID and MIG instance."""
_Cells = dict[_Key, list[tuple[Labels, int]]]
"""The series of one name by GPU, and where their numbers stand among the values."""


class Gpus:
    """The meaning of the series of that answer."""

    def __init__(self, series: Iterable[Labels]) -> None:
        seen: list[tuple[Labels, int]] = []
        cells: dict[str, _Cells] = defaultdict(lambda: defaultdict(list))
        self.example: Labels = {}
        """The labels of one GPU's gauge."""
        names = GPUS.gpu
        spelt = {spelling: name for member in GPUS for name in _of_gpus(member) for spelling in member.spellings(name)}
        for place, labels in enumerate(series):
            key, tag = gpu_key(labels, names), labels.get(TAG, "")
            if not key[0]:
                continue
            if tag == STAMP:
                seen.append((labels, place))
            else:
                name = tag or labels.get("__name__", "")
                cells[spelt.get(name, name)][key].append((labels, place))
                self.example = self.example or ({} if tag else labels)
        said = _gpus_by_key(seen)
        self.ids = tuple(sorted(one_gpu(ids) for ids, _ in said.values()))
        self._stamps = [said[gpu[:2]][1] for gpu in self.ids]
        self._masks = [
            (gpu.key, mask[0][1], bits)
            for gpu in self.ids
            # The newest name last: what is said under it counts.
            for name, bits in reversed(GPUS.masks.items())
            if name in cells and (mask := cells[name].get(gpu[:2]))
        ]
        self._choices = list(self._choose(cells))

    def read(self, values: Sequence[float], at: float) -> tuple[Table, dict[str, tuple[str, ...]]]:
        """The table, and what lowers the clocks of each GPU that says so, of the values of such an answer."""
        ages = array("d", (max(0.0, at - max(map(values.__getitem__, places))) for places in self._stamps))
        found = columns((choice.quantity, choice.read(values)) for choice in self._choices)
        reasons = {key: bit_words(values[place], bits) for key, place, bits in self._masks}
        return Table(table(found), ages), reasons

    def _choose(self, cells: dict[str, _Cells]) -> Iterator[Choice]:
        for member in GPUS:
            for quantity, rule in member.rules.items():
                parts = [
                    self._part(metric, cells[metric.name]) if metric.name in cells else None for metric in rule.metrics
                ]
                if any(parts):
                    yield Choice(quantity, rule, parts)

    def _part(self, metric: Metric, cells: _Cells) -> Part | None:
        """The first of a GPU's samples of a name that belongs to the quantity."""
        part = Part(len(self.ids), None if metric.kind is Kind.COUNTER else metric)
        for row, gpu in enumerate(self.ids):
            for labels, place in cells.get(gpu[:2], ()):
                if metric.accepts(labels):
                    part.put(row, place, metric.scale if metric.kind is Kind.COUNTER else metric.factor(labels))
                    break
        return part if part.there else None


def _gpus_by_key(seen: Iterable[tuple[Labels, int]]) -> dict[_Key, tuple[list[GpuId], list[int]]]:
    """The GPUs as their series name them, and where the times of their samples stand."""
    found = tuple(seen)
    exported = any(labels.get(POD_LABELS[0]) for labels, _ in found)
    names, exporters = GPUS.gpu, exporter_pods(GPUS)
    said: dict[_Key, tuple[list[GpuId], list[int]]] = {}
    for labels, place in found:
        gpu = gpu_id(labels, names, exporters, exported=exported)
        ids, places = said.setdefault(gpu[:2], ([], []))
        ids.append(gpu)
        places.append(place)
    return said


def _of_gpus(member: Dialect) -> Iterator[str]:
    yield from (metric.name for rule in member.rules.values() for metric in rule.metrics)
