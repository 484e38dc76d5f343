"""The rows of GPUs: which one a series is about, which pod holds it, and which number it gives."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fleet.metrics.answers import Labels, Sample
from fleet.metrics.dialect import Dialect, Kind, Metric, Rule, pick
from fleet.metrics.gpus.clock_reasons import throttle_reasons
from fleet.metrics.identity import POD_LABELS, exporter_pods, gpu_id, gpu_key, one_gpu
from fleet.metrics.queries import STAMP
from fleet.metrics.registry import GPUS
from fleet.metrics.tables import Columns, blank
from fleet.model.measurement import GpuId
from fleet.model.quantity import Quantity


class Gpus:
    """The GPU rows, from the answer to ``queries.gpus``."""

    def __init__(self, found: Iterable[Sample], at: float) -> None:
        seen: list[tuple[Labels, float]] = []
        cells: dict[str, dict[tuple[str, str], list[tuple[Labels, float]]]] = defaultdict(lambda: defaultdict(list))
        self.example: Labels = {}
        """The labels of one GPU's gauge."""
        names = GPUS.gpu
        spelt = {spelling: name for member in GPUS for name in _of_gpus(member) for spelling in member.spellings(name)}
        for labels, value, tag in found:
            key = gpu_key(labels, names)
            if not key[0]:
                continue
            if tag == STAMP:
                seen.append((labels, value))
            else:
                name = tag or labels.get("__name__", "")
                cells[spelt.get(name, name)][key].append((labels, value))
                self.example = self.example or ({} if tag else labels)
        exported = any(labels.get(POD_LABELS[0]) for labels, _ in seen)
        exporters = exporter_pods(GPUS)
        stamps: dict[GpuId, float] = {}
        for labels, value in seen:
            gpu = gpu_id(labels, names, exporters, exported=exported)
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
            mask = next((cells[name][key][0][1] for name in GPUS.masks if (key := gpu[:2]) in cells[name]), None)
            if mask is not None:
                self.reasons[gpu.key] = throttle_reasons(mask)
        for member in GPUS:
            for quantity, rule in member.rules.items():
                if any(metric.name in cells for metric in rule.metrics):
                    self._column(quantity, rule, [cells[metric.name] for metric in rule.metrics])

    def _column(
        self,
        quantity: Quantity,
        rule: Rule,
        spelt: Sequence[Mapping[tuple[str, str], Sequence[tuple[Labels, float]]]],
    ) -> None:
        known = self.columns.table().columns.get(quantity) or blank(len(self.ids))
        for row, gpu in enumerate(self.ids):
            found = zip(rule.metrics, spelt, strict=True)
            value = pick(rule, [_read(metric, cell.get(gpu[:2], ())) for metric, cell in found])
            if not math.isnan(value) and math.isnan(known[row]):
                self.columns.put(quantity, row, value)


def _of_gpus(member: Dialect) -> Iterator[str]:
    yield from (metric.name for rule in member.rules.values() for metric in rule.metrics)


def _read(metric: Metric, found: Iterable[tuple[Labels, float]]) -> float:
    """The first of a GPU's samples of a name that belongs to the quantity."""
    for labels, value in found:
        if metric.accepts(labels):
            return value * metric.scale if metric.kind is Kind.COUNTER else metric.read(value, labels)
    return math.nan
