"""Several measurements merged into one that covers their whole time, as the numbers of an hour are computed.

Buckets are added, so a percentile of the result covers all requests of those windows. Gauges and rates are averaged.
Ratios are computed from the mean rates and never averaged.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from fleet.model.histogram import Histogram, merge
from fleet.model.measurement import EngineId, Measurement, Table
from fleet.model.quantity import RATIOS, Family, Quantity

T = TypeVar("T")


def merged(measurements: Sequence[Measurement]) -> Measurement:
    """All of them, in the order of time, as one at the time of the last."""
    last = measurements[-1]
    engines = _every(each.engines for each in measurements)
    gpus = _every(each.gpus for each in measurements)
    gateways = _every(each.gateways for each in measurements)
    dialects = {one: spoken for each in measurements for one, spoken in zip(each.engines, each.dialects, strict=False)}
    return replace(
        last,
        engines=engines,
        engine_table=_table(engines, [(each.engines, each.engine_table) for each in measurements]),
        dialects=tuple(dialects.get(one, ()) for one in engines),
        gpus=gpus,
        gpu_table=_table(gpus, [(each.gpus, each.gpu_table) for each in measurements]),
        gateways=gateways,
        gateway_table=_table(gateways, [(each.gateways, each.gateway_table) for each in measurements]),
        histograms=_histograms([each.histograms for each in measurements]),
        gateway_histograms=_histograms([each.gateway_histograms for each in measurements]),
        means=_phases(engines, measurements),
    )


def _every(rows: Iterable[Sequence[T]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(row for some in rows for row in some))


def _table(rows: Sequence[T], tables: Sequence[tuple[Sequence[T], Table]]) -> Table:
    """The mean of each row where it is known."""
    columns: dict[Quantity, array[float]] = {}
    for quantity in dict.fromkeys(one for _, table in tables for one in table.columns):
        known: dict[T, list[float]] = {}
        for of, table in tables:
            for row, value in zip(of, table.columns.get(quantity, ()), strict=False):
                if not math.isnan(value):
                    known.setdefault(row, []).append(value)
        columns[quantity] = array("d", (math.fsum(v) / len(v) if (v := known.get(row)) else math.nan for row in rows))
    for ratio, (top, bottom) in RATIOS.items():
        if ratio in columns and top in columns and bottom in columns:
            pairs = zip(columns[top], columns[bottom], strict=True)
            columns[ratio] = array("d", (one / other if other > 0 else math.nan for one, other in pairs))
    return Table(columns, array("d", bytes(8 * len(rows))))


def _histograms(every: Sequence[Mapping[Family, Mapping[T, Histogram]]]) -> dict[Family, dict[T, Histogram]]:
    out: dict[Family, dict[T, Histogram]] = {}
    for family in dict.fromkeys(family for each in every for family in each):
        parts: dict[T, list[Histogram]] = {}
        for each in every:
            for of, histogram in each.get(family, {}).items():
                parts.setdefault(of, []).append(histogram)
        out[family] = {of: found for of, some in parts.items() if (found := merge(some)) is not None}
    return out


def _phases(
    engines: Sequence[EngineId], measurements: Sequence[Measurement]
) -> dict[Quantity, tuple[array[float], array[float]]]:
    out = {}
    for quantity in dict.fromkeys(one for each in measurements for one in each.means):
        sums, counts = dict.fromkeys(engines, 0.0), dict.fromkeys(engines, 0.0)
        for each in measurements:
            of_sums, of_counts = each.means.get(quantity, ((), ()))
            for engine, total, count in zip(each.engines, of_sums, of_counts, strict=False):
                if not math.isnan(total) and not math.isnan(count):
                    sums[engine] += total
                    counts[engine] += count
        out[quantity] = array("d", sums.values()), array("d", counts.values())
    return out
