"""From engines and GPUs to pods, workloads and models: how columns are combined.

Sums skip what is missing and are missing when all is; ratios divide sums; percentiles come from merged buckets. Nothing
here averages a percentile or a ratio (reference: metrics §0, §5).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence

from fleet.model.frame import Column
from fleet.model.histogram import Histogram, merge, quantile
from fleet.model.quantity import MEANINGS, QUANTILES, RATIOS, Combine, Family, Quantity
from fleet.model.reading import Bound, State

Members = Sequence[Sequence[int]]
"""Per row of the result, the rows of the source that belong to it."""

NAN = math.nan


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


_FOLD: dict[Combine, Callable[[list[float]], float]] = {
    Combine.SUM: math.fsum,
    Combine.MEAN: _mean,
    Combine.MAX: max,
    Combine.MIN: min,
}


def fold(values: Sequence[float], members: Members, how: Combine) -> array[float]:
    """One value per row of ``members``; NaN where no member has one. ``how`` is not RATIO or QUANTILE."""
    folder = _FOLD[how]
    out = array("d", bytes(8 * len(members)))
    for row, rows in enumerate(members):
        if len(rows) == 1:
            out[row] = values[rows[0]]
            continue
        known = [v for i in rows if (v := values[i]) == v]
        out[row] = folder(known) if known else NAN
    return out


def divide(top: Sequence[float], bottom: Sequence[float]) -> array[float]:
    """Row by row. No denominator, no ratio; a denominator without a numerator is 0: a labelled counter that nothing
    has incremented yet does not exist (reference: metrics, rule 9).
    """
    out = array("d")
    for a, b in zip(top, bottom, strict=True):
        out.append((0.0 if math.isnan(a) else a) / b if b > 0 else NAN)
    return out


def gauges_and_rates(
    columns: Mapping[Quantity, array[float]], members: Members, *, to_pod: bool
) -> dict[Quantity, Column]:
    """Fold every column that adds up, then form the ratios from the sums."""
    out: dict[Quantity, Column] = {}
    for quantity, values in columns.items():
        meaning = MEANINGS[quantity]
        how = meaning.to_pod if to_pod else meaning.to_group
        if how in _FOLD:
            out[quantity] = Column(fold(values, members, how))
    missing = array("d", [NAN]) * len(members)
    for ratio, (top, bottom) in RATIOS.items():
        if bottom in out:
            numerator = out[top].values if top in out else missing
            out[ratio] = Column(divide(numerator, out[bottom].values))
    return out


def means(phases: Mapping[Quantity, tuple[array[float], array[float]]], members: Members) -> dict[Quantity, Column]:
    """Mean seconds per phase: rate of the sums over rate of the counts."""
    return {
        quantity: Column(divide(fold(sums, members, Combine.SUM), fold(counts, members, Combine.SUM)))
        for quantity, (sums, counts) in phases.items()
    }


def percentiles(parts: Mapping[Family, Sequence[Iterable[Histogram]]], rows: int) -> dict[Quantity, Column]:
    """Percentiles of every row from the histograms that belong to it: merged first, then asked.

    ``parts[family][row]`` are the histograms of a row. A row without observations gets NaN: nothing happened, and that
    is not a latency of zero.
    """
    out: dict[Quantity, Column] = {}
    for family, per_row in parts.items():
        wanted = [(name, q) for name, (f, q) in QUANTILES.items() if f is family]
        values = {name: array("d", [NAN]) * rows for name, _ in wanted}
        edges = {name: array("d", [NAN]) * rows for name, _ in wanted}
        bounds = {name: bytearray(rows) for name, _ in wanted}
        for row, histograms in enumerate(per_row):
            merged = merge(histograms)
            if merged is None or not merged.count > 0:
                continue
            for name, q in wanted:
                found = quantile(q, merged)
                values[name][row] = found.value
                if found.bound is not Bound.EXACT:
                    bounds[name][row] = found.bound
                    edges[name][row] = found.edge
        for name, _ in wanted:
            out[name] = Column(values[name], bytes(bounds[name]), edges[name])
    return out


def ages_and_states(
    ages: Sequence[float], states: Sequence[int], members: Members, *, keep_reset: bool
) -> tuple[array[float], bytes]:
    """A combined row is as old as its oldest member and as doubtful as its most doubtful one.

    A restart of one engine does not make the sum over a workload doubtful (the rate already starts anew), so RESET
    goes no further up than the pod.
    """
    out_ages, out_states = array("d"), bytearray()
    for rows in members:
        out_ages.append(max((ages[i] for i in rows), default=0.0))
        worst = max((states[i] for i in rows), default=int(State.MISSING))
        out_states.append(int(State.FRESH) if worst == State.RESET and not keep_reset else worst)
    return out_ages, bytes(out_states)
