"""Aggregation of columns from engines and GPUs to pods, workloads and models.

Sums of load skip what is missing and are missing when all is; sums of what there is (memory, power, capacity) are
missing when a part is, because part of a total is a wrong total; ratios divide sums; percentiles come from merged
buckets. Nothing here averages a percentile or a ratio. What folds several columns gives the makers of them: a column is
folded when it is read (``fleet.snapshot.columns``).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from functools import cache, partial
from operator import itemgetter
from typing import Any, NamedTuple

from fleet.dataclass import dataclass
from fleet.model.frame import Column
from fleet.model.histogram import Histogram, merge, quantile
from fleet.model.quantity import MEANINGS, QUANTILES, RATIOS, Combine, Family, Quantity
from fleet.model.reading import Bound, State
from fleet.snapshot.columns import Make

Values = Callable[[], "array[float]"]
"""Makes the values of a column, once."""


class PerRow(NamedTuple):
    """The histograms that belong to each row of a result, by its number, and the objects in which they are found."""

    of: tuple[object, ...]
    find: Callable[[], Mapping[int, Iterable[Histogram]]]


@dataclass(frozen=True, slots=True)
class Members:
    """Per row of a result, the rows of the source that belong to it.

    Most pods have one engine and one GPU, so rows with at most one member are gathered in one call (``gather``, over
    the values with a NaN appended), and the members of the others (``several``) in another (``among``). Where every row
    is the one of its own number nothing needs to be gathered (``same``).
    """

    rows: tuple[Sequence[int], ...]
    source: int
    """How many rows the source has."""
    gather: Callable[[Any], Any] | None = field(compare=False)
    several: tuple[int, ...]
    among: Callable[[Any], Any] = field(compare=False)
    same: bool

    @staticmethod
    def of(rows: Iterable[Sequence[int]], source: int) -> Members:
        """Members among ``source`` rows; index ``source`` stands for none."""
        kept = tuple(rows)
        first = [r[0] if r else source for r in kept]
        several = tuple(i for i, r in enumerate(kept) if len(r) > 1)
        among = [member for i in several for member in kept[i]]
        return Members(
            kept,
            source,
            itemgetter(*first, source) if kept else None,
            several,
            # Two items or more give a tuple.
            itemgetter(*among) if among else tuple,
            not several and first == list(range(source)),
        )

    def __len__(self) -> int:
        return len(self.rows)


NAN = math.nan
_NOTHING = array("d", [NAN])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


_FOLD: dict[Combine, Callable[[Sequence[float]], float]] = {
    Combine.SUM: math.fsum,
    Combine.WHOLE: math.fsum,
    Combine.MEAN: _mean,
    Combine.MAX: max,
    Combine.MIN: min,
}


def fold(values: array[float], members: Members, how: Combine) -> array[float]:
    """One value per row of ``members``; NaN where no member has one. ``how`` is not RATIO or QUANTILE."""
    if members.same:
        return values
    if members.gather is None:
        return array("d")
    # The getter always has two items or more (so that it gives a tuple): the last one is the NaN and is dropped.
    out = array("d", members.gather(values + _NOTHING)[:-1])
    folder, among, begin = _FOLD[how], members.among(values), 0
    for row in members.several:
        end = begin + len(members.rows[row])
        whole, begin = among[begin:end], end
        value = folder(whole)
        if math.isnan(value) and how is not Combine.WHOLE:
            # Some are not known, or none is.
            known = [v for v in whole if not math.isnan(v)]
            value = folder(known) if known else NAN
        out[row] = value
    return out


def divide(top: Sequence[float], bottom: Sequence[float]) -> array[float]:
    """Row by row; without either there is no ratio.

    A labelled counter that nothing has incremented yet does not exist: that this means 0 is for its dialect to say
    (``Rule.zero_beside``).
    """
    return array("d", (a / b if b > 0 else NAN for a, b in zip(top, bottom, strict=True)))


def as_they_are(columns: Mapping[Quantity, array[float]]) -> dict[Quantity, Make]:
    """The columns of the rows themselves, and the ratio of each."""
    values: dict[Quantity, Values] = {quantity: partial(_unchanged, column) for quantity, column in columns.items()}
    return _with_ratios(columns, None, values, lambda _, bottom: columns[bottom])


def gauges_and_rates(
    columns: Mapping[Quantity, array[float]], members: Members, *, to_pod: bool
) -> dict[Quantity, Make]:
    """Fold every column that adds up, then form the ratios from the sums.

    A ratio is that of the members which tell both parts of it: one that does not count its hits has queries all the
    same, and would make those of the others look rarer. A row of one member has the ratio that this tells itself, where
    it tells no parts of it.
    """
    folded: dict[Quantity, Values] = {}
    for quantity, values in columns.items():
        meaning = MEANINGS[quantity]
        how = meaning.to_pod if to_pod else meaning.to_group
        if how in _FOLD:
            folded[quantity] = cache(partial(fold, values, members, how))
        elif quantity in RATIOS:
            folded[quantity] = cache(partial(_of_only_member, values, members))

    def divisor(top: Quantity, bottom: Quantity) -> array[float]:
        told = _told_with(columns[top], columns[bottom])
        return folded[bottom]() if told is columns[bottom] else fold(told, members, Combine.SUM)

    return _with_ratios(columns, members, folded, divisor)


def _unchanged(values: array[float]) -> array[float]:
    return values


def _told_with(tops: array[float], bottoms: array[float]) -> array[float]:
    """The denominators of the rows that tell a numerator; the column itself where all do."""
    if not math.isnan(sum(tops)):
        return bottoms
    pairs = list(zip(tops, bottoms, strict=True))
    if not any(math.isnan(t) and not math.isnan(b) for t, b in pairs):
        return bottoms
    return array("d", (NAN if math.isnan(t) else b for t, b in pairs))


def _of_only_member(values: array[float], members: Members) -> array[float]:
    """The value of the only member; NaN where there are several."""
    if members.gather is None:
        return array("d")
    out = array("d", members.gather(values + _NOTHING)[:-1])
    for row in members.several:
        out[row] = NAN
    return out


def _with_ratios(
    columns: Mapping[Quantity, array[float]],
    members: Members | None,
    folded: Mapping[Quantity, Values],
    divisor: Callable[[Quantity, Quantity], array[float]],
) -> dict[Quantity, Make]:
    """The columns, folded, and the ratio of each row: of its parts, else as its engine tells it itself.

    ``divisor``: from the names of a numerator and a denominator to what the one is to be divided by.
    """
    out = {
        quantity: Make((columns[quantity], members), partial(_column, values)) for quantity, values in folded.items()
    }
    for ratio, (top, bottom) in RATIOS.items():
        if top in folded and bottom in folded:
            of = (columns[top], columns[bottom], columns.get(ratio), members)
            out[ratio] = Make(of, partial(_ratio, folded[top], partial(divisor, top, bottom), folded.get(ratio)))
    return out


def _column(values: Values) -> Column:
    return Column(values())


def _ratio(top: Values, bottom: Values, told: Values | None) -> Column:
    values = divide(top(), bottom())
    if told is not None:
        values = array("d", (t if math.isnan(v) else v for v, t in zip(values, told(), strict=True)))
    return Column(values)


ROUNDING = 1.1
"""A share of time by which a rate may be over 1: two clocks that differ, and Prometheus' extrapolation."""


def possible(quantity: Quantity, values: array[float]) -> array[float]:
    """The values; of a share of time none above 1: rounding is cut off, and what cannot be is not known."""
    if quantity is not Quantity.THROTTLE or not any(v > 1 for v in values):
        return values
    return array("d", (v if not v > 1 else 1.0 if v <= ROUNDING else NAN for v in values))


def means(phases: Mapping[Quantity, tuple[array[float], array[float]]], members: Members) -> dict[Quantity, Make]:
    """Mean seconds per phase: rate of the sums over rate of the counts."""
    return {
        quantity: Make((sums, counts, members), partial(_mean_of, sums, counts, members))
        for quantity, (sums, counts) in phases.items()
    }


def _mean_of(sums: array[float], counts: array[float], members: Members) -> Column:
    return Column(divide(fold(sums, members, Combine.SUM), fold(counts, members, Combine.SUM)))


def percentiles(parts: Mapping[Family, PerRow], rows: int) -> dict[Quantity, Make]:
    """Percentiles of every row from the histograms that belong to it: merged first, then asked.

    A row without observations gets NaN: nothing happened, and that is not a latency of zero.
    """
    out: dict[Quantity, Make] = {}
    for family, per_row in parts.items():
        wanted = {name: q for name, (f, q) in QUANTILES.items() if f is family}
        found = cache(partial(_quantiles, wanted, per_row, rows))
        out.update({name: Make(per_row.of, partial(_one_of, found, name)) for name in wanted})
    return out


def _one_of(found: Callable[[], Mapping[Quantity, Column]], name: Quantity) -> Column:
    return found()[name]


def _quantiles(wanted: Mapping[Quantity, float], per_row: PerRow, rows: int) -> dict[Quantity, Column]:
    values = {name: array("d", [NAN]) * rows for name in wanted}
    edges = {name: array("d", [NAN]) * rows for name in wanted}
    bounds = {name: bytearray(rows) for name in wanted}
    for row, histograms in per_row.find().items():
        merged = merge(histograms)
        if merged is None or not merged.count > 0:
            continue
        for name, q in wanted.items():
            found = quantile(q, merged)
            values[name][row] = found.value
            if found.bound is not Bound.EXACT:
                bounds[name][row] = found.bound
                edges[name][row] = found.edge
    return {name: Column(values[name], bytes(bounds[name]), edges[name]) for name in wanted}


def oldest(ages: array[float], members: Members) -> array[float]:
    """A combined row is as old as its oldest member; NaN for one without members."""
    return fold(ages, members, Combine.MAX)


def most_doubtful(states: bytes, members: Members, *, keep_reset: bool) -> bytes:
    """A combined row is as doubtful as its most doubtful member, and MISSING without members.

    A restart of one engine does not make the sum over a workload doubtful (the rate already starts anew), so RESET
    goes no further up than the pod.
    """
    if members.gather is None:
        return b""
    out = bytearray(members.gather(states + _MISSING)[:-1])
    among, begin = members.among(states), 0
    for row in members.several:
        end = begin + len(members.rows[row])
        out[row], begin = max(among[begin:end]), end
    return bytes(out) if keep_reset else bytes(out).translate(_FORGET_RESET)


_MISSING = bytes([State.MISSING])
_FORGET_RESET = bytes(State.FRESH if state == State.RESET else state for state in range(256))
