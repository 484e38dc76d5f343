"""The rows of gateways, from the answer to ``queries.gateways``: one per process, model and backend."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable

from fleet.metrics.answers import Labels, Process, Sample, edge, histograms, process
from fleet.metrics.expressions import DIALECT, STAMP
from fleet.metrics.growing_columns import GrowingColumns
from fleet.metrics.identity import gateway_id
from fleet.metrics.registry import GATEWAYS
from fleet.model.histogram import Histogram
from fleet.model.measurement import GatewayId
from fleet.model.quantity import Family, Quantity


class Gateways:
    """The gateways of an answer. If two jobs scrape one, the numbers are those of the job with the newest sample."""

    def __init__(self, found: Iterable[Sample], at: float) -> None:
        seen: dict[tuple[str, str, str], dict[Process, float]] = defaultdict(dict)
        numbers: list[tuple[GatewayId, Process, Sample]] = []
        for labels, value, tag in found:
            row = _row_of(labels)
            if row is None:
                continue
            if tag == STAMP:
                by = seen[row.process]
                by[process(labels)] = max(value, by.get(process(labels), -math.inf))
            else:
                numbers.append((row, process(labels), (labels, value, tag)))
        chosen = {whose: max(sorted(by), key=by.__getitem__) for whose, by in seen.items()}
        own = [(row, sample) for row, who, sample in numbers if chosen.get(row.process) == who]
        self.ids = tuple(sorted({row for row, _ in own}))
        self.columns: GrowingColumns[GatewayId] = GrowingColumns()
        ages = array("d")
        for row in self.ids:
            ages.append(max(0.0, at - seen[row.process][chosen[row.process]]))
        self.columns.grow(self.ids, 0.0)
        self.columns.ages = ages
        rows = {row: i for i, row in enumerate(self.ids)}
        parts: dict[tuple[Family, GatewayId], dict[float, float]] = defaultdict(dict)
        for row, (labels, value, tag) in own:
            if tag in _FAMILIES:
                if not math.isnan(upper := edge(labels)):
                    buckets = parts[_FAMILIES[tag], row]
                    buckets[upper] = buckets.get(upper, 0.0) + value
            elif tag in _QUANTITIES:
                self.columns.put(_QUANTITIES[tag], rows[row], value)
        for member in GATEWAYS:
            for quantity, rule in member.rules.items():
                if rule.zero_beside is None:
                    continue
                for i, row in enumerate(self.ids):
                    beside = self.columns.table().columns.get(rule.zero_beside)
                    if row.dialect == member.name and beside is not None and not math.isnan(beside[i]):
                        self.columns.offer(quantity, i, 0.0)
        self.histograms: dict[Family, dict[GatewayId, Histogram]] = histograms(parts)


def _row_of(labels: Labels) -> GatewayId | None:
    dialect = GATEWAYS.by_name(labels.get(DIALECT, ""))
    return gateway_id(labels, dialect) if dialect is not None else None


_QUANTITIES = {str(quantity): quantity for quantity in Quantity}
_FAMILIES = {str(family): family for family in Family}
