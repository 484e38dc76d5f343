"""From engines and GPUs to pods, workloads and models: how columns are combined.

Sums of load skip what is missing and are missing when all is; sums of what there is (memory, power, capacity) are
missing when a part is, because part of a total is a wrong total; ratios divide sums; percentiles come from merged
buckets. Nothing here averages a percentile or a ratio.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from fleet.model.frame import Column
from fleet.model.histogram import Histogram, merge, quantile
from fleet.model.quantity import MEANINGS, QUANTILES, RATIOS, Combine, Family, Quantity
from fleet.model.reading import Bound, State


@dataclass(frozen=True, slots=True)
class Members:
    """Per row of a result, the rows of the source that belong to it.

    Most pods have one engine and one GPU, so rows with at most one member are gathered in one call (``gather``, over
    the values with a NaN appended) and only the others (``several``) are folded one by one.
    """

    rows: tuple[Sequence[int], ...]
    gather: Callable[[Any], Any] | None
    several: tuple[int, ...]

    @staticmethod
    def of(rows: Iterable[Sequence[int]], source: int) -> Members:
        """Members among ``source`` rows; index ``source`` stands for none."""
        kept = tuple(rows)
        first = [r[0] if r else source for r in kept]
        several = tuple(i for i, r in enumerate(kept) if len(r) > 1)
        return Members(kept, itemgetter(*first, source) if kept else None, several)

    def __len__(self) -> int:
        return len(self.rows)


NAN = math.nan
_NOTHING = array("d", [NAN])


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


_FOLD: dict[Combine, Callable[[list[float]], float]] = {
    Combine.SUM: math.fsum,
    Combine.WHOLE: math.fsum,
    Combine.MEAN: _mean,
    Combine.MAX: max,
    Combine.MIN: min,
}


def fold(values: array[float], members: Members, how: Combine) -> array[float]:
    """One value per row of ``members``; NaN where no member has one. ``how`` is not RATIO or QUANTILE."""
    if members.gather is None:
        return array("d")
    # The getter always has two items or more (so that it gives a tuple): the last one is the NaN and is dropped.
    out = array("d", members.gather(values + _NOTHING)[:-1])
    folder = _FOLD[how]
    for row in members.several:
        known = [v for i in members.rows[row] if not math.isnan(v := values[i])]
        enough = len(known) == len(members.rows[row]) if how is Combine.WHOLE else bool(known)
        out[row] = folder(known) if enough else NAN
    return out


def divide(top: Sequence[float], bottom: Sequence[float]) -> array[float]:
    """Row by row; without either there is no ratio.

    A labelled counter that nothing has incremented yet does not exist: that this means 0 is for its dialect to say
    (``Rule.zero_beside``).
    """
    return array("d", (a / b if b > 0 else NAN for a, b in zip(top, bottom, strict=True)))


def gauges_and_rates(
    columns: Mapping[Quantity, array[float]], members: Members, *, to_pod: bool
) -> dict[Quantity, Column]:
    """Fold every column that adds up, then form the ratios from the sums.

    A ratio is that of the members which tell both parts of it: one that does not count its hits has queries all the
    same, and would make those of the others look rarer. A row of one member has the ratio that this tells itself, where
    it tells no parts of it.
    """
    folded: dict[Quantity, array[float]] = {}
    for quantity, values in columns.items():
        meaning = MEANINGS[quantity]
        how = meaning.to_pod if to_pod else meaning.to_group
        if how in _FOLD:
            folded[quantity] = fold(values, members, how)
        elif quantity in RATIOS:
            folded[quantity] = _alone(values, members)
    return ratios(folded, {bottom: fold(known, members, Combine.SUM) for bottom, known in _beside(columns)})


def _beside(columns: Mapping[Quantity, array[float]]) -> Iterator[tuple[Quantity, array[float]]]:
    """The denominators of which some members have no numerator, without those members."""
    for top, bottom in RATIOS.values():
        if top in columns and bottom in columns:
            pairs = list(zip(columns[top], columns[bottom], strict=True))
            if any(math.isnan(t) and not math.isnan(b) for t, b in pairs):
                yield bottom, array("d", (NAN if math.isnan(t) else b for t, b in pairs))


def _alone(values: array[float], members: Members) -> array[float]:
    """The value of the only member; NaN where there are several."""
    if members.gather is None:
        return array("d")
    out = array("d", members.gather(values + _NOTHING)[:-1])
    for row in members.several:
        out[row] = NAN
    return out


def ratios(
    columns: Mapping[Quantity, array[float]], beside: Mapping[Quantity, array[float]] = MappingProxyType({})
) -> dict[Quantity, Column]:
    """The columns as they are, and the ratio of each row: of its parts, else as its engine tells it itself.

    ``beside``: the denominators to divide by, where they are not the columns of that name.
    """
    out = {quantity: Column(values) for quantity, values in columns.items()}
    for ratio, (top, bottom) in RATIOS.items():
        if top in columns and bottom in columns:
            values = divide(columns[top], beside.get(bottom, columns[bottom]))
            if ratio in columns:
                values = array("d", (t if math.isnan(v) else v for v, t in zip(values, columns[ratio], strict=True)))
            out[ratio] = Column(values)
    return out


ROUNDING = 1.1
"""A share of time by which a rate may be over 1: two clocks that differ, and Prometheus' extrapolation."""


def possible(quantity: Quantity, values: array[float]) -> array[float]:
    """The values; of a share of time none above 1: rounding is cut off, and what cannot be is not known."""
    if quantity is not Quantity.THROTTLE or not any(v > 1 for v in values):
        return values
    return array("d", (v if not v > 1 else 1.0 if v <= ROUNDING else NAN for v in values))


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
    ages: array[float], states: bytes, members: Members, *, keep_reset: bool
) -> tuple[array[float], bytes]:
    """A combined row is as old as its oldest member and as doubtful as its most doubtful one.

    A restart of one engine does not make the sum over a workload doubtful (the rate already starts anew), so RESET
    goes no further up than the pod. A row without members is MISSING, of age 0.
    """
    if members.gather is None:
        return array("d"), b""
    out_ages = array("d", members.gather(ages + _NO_AGE)[:-1])
    out = bytearray(members.gather(states + _MISSING)[:-1])
    for row in members.several:
        out_ages[row] = max(ages[i] for i in members.rows[row])
        out[row] = max(states[i] for i in members.rows[row])
    return out_ages, bytes(out) if keep_reset else bytes(out).translate(_FORGET_RESET)


_NO_AGE = array("d", [0.0])
_MISSING = bytes([State.MISSING])
_FORGET_RESET = bytes(State.FRESH if state == State.RESET else state for state in range(256))
