"""Arithmetic of columns: the rows of engines and GPUs folded to those of pods, workloads and models.

Sums of load skip missing values and are missing if all are; sums of stocks (memory, power, capacity) are missing if any
part is, because part of a total is a wrong total. Nothing here averages a percentile or a ratio.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar, cast

from fleet.dataclass import dataclass
from fleet.model.frame import Column
from fleet.model.histogram import Histogram, merge, quantiles
from fleet.model.quantity import Combine, Quantity
from fleet.model.reading import Bound, State

Values = Callable[[], "array[float]"]
"""Makes the values of a column, once."""
_Made = TypeVar("_Made")
_UNMADE = object()


class Once(Generic[_Made]):
    """A value that is made when it is first read. `functools.cache` takes ten times as long to set up, and most of the
    columns of a measurement are never read.
    """

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], _Made]) -> None:
        self._make = make
        self._made: object = _UNMADE

    def __call__(self) -> _Made:
        if self._made is _UNMADE:
            self._made = self._make()
        return cast("_Made", self._made)


class PerRow(NamedTuple):
    """The histograms of each result row, by row number, and the objects that hold them."""

    of: tuple[object, ...]
    find: Callable[[], Mapping[int, Iterable[Histogram]]]


@dataclass(frozen=True, slots=True)
class Members:
    """Source rows that belong to each row of a result.

    Most pods have one engine and one GPU, so rows with at most one member are gathered in one call (``gather``, over
    the values with a NaN appended), and the members of the others (``several``) in another (``among``). If every row is
    the source row of its own number, nothing needs to be gathered (``same``).
    """

    rows: tuple[Sequence[int], ...]
    source: int
    """Number of source rows."""
    gather: Callable[[Any], Any] | None = field(compare=False)
    several: tuple[int, ...]
    among: Callable[[Any], Any] = field(compare=False)
    same: bool

    @staticmethod
    def of(rows: Iterable[Sequence[int]], source: int) -> Members:
        """Make members among ``source`` rows; index ``source`` stands for none."""
        kept = tuple(rows)
        first = [r[0] if r else source for r in kept]
        several = tuple(i for i, r in enumerate(kept) if len(r) > 1)
        among = [member for i in several for member in kept[i]]
        return Members(
            kept,
            source,
            itemgetter(*first, source) if kept else None,
            several,
            # Two items or more return a tuple.
            itemgetter(*among) if among else tuple,
            not several and first == list(range(source)),
        )

    def __len__(self) -> int:
        return len(self.rows)


NAN = math.nan
_NOTHING = array("d", [NAN])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


FOLD: dict[Combine, Callable[[Sequence[float]], float]] = {
    Combine.SUM: math.fsum,
    Combine.WHOLE: math.fsum,
    Combine.MEAN: _mean,
    Combine.MAX: max,
    Combine.MIN: min,
}
"""Functions that make one value of several."""


def fold(values: array[float], members: Members, how: Combine) -> array[float]:
    """One value per row of ``members``; NaN where no member has one. ``how`` is not RATIO or QUANTILE."""
    if members.same:
        return values
    if members.gather is None:
        return array("d")
    # The getter always has two items or more (so that it gives a tuple): the last one is the NaN and is dropped.
    out = array("d", members.gather(values + _NOTHING)[:-1])
    folder, among, begin = FOLD[how], members.among(values), 0
    for row in members.several:
        end = begin + len(members.rows[row])
        whole, begin = among[begin:end], end
        value = folder(whole)
        if math.isnan(value) and how is not Combine.WHOLE:
            # Some or all are not known.
            known = [v for v in whole if not math.isnan(v)]
            value = folder(known) if known else NAN
        out[row] = value
    return out


def divide(top: Sequence[float], bottom: Sequence[float]) -> array[float]:
    """Divide row by row; without numerator or denominator there is no ratio.

    A labelled counter does not exist before its first increment: its dialect decides whether that means 0
    (``Rule.zero_beside``).
    """
    return array("d", (a / b if b > 0 else NAN for a, b in zip(top, bottom, strict=True)))


def unchanged(values: array[float]) -> array[float]:
    """The values themselves."""
    return values


def _with_numerator(tops: array[float], bottoms: array[float]) -> array[float]:
    """Return the denominators of the rows with a numerator; the column itself if all have one."""
    if not math.isnan(sum(tops)):
        return bottoms
    pairs = list(zip(tops, bottoms, strict=True))
    if not any(math.isnan(t) and not math.isnan(b) for t, b in pairs):
        return bottoms
    return array("d", (NAN if math.isnan(t) else b for t, b in pairs))


def divisor_of(tops: array[float], bottoms: array[float], folded: Values, members: Members) -> array[float]:
    """Return the sum of the denominators of members with a numerator; ``folded`` is the sum over all."""
    divisor = _with_numerator(tops, bottoms)
    return folded() if divisor is bottoms else fold(divisor, members, Combine.SUM)


def of_only_member(values: array[float], members: Members) -> array[float]:
    """The value of the only member; NaN where there are several."""
    if members.gather is None:
        return array("d")
    out = array("d", members.gather(values + _NOTHING)[:-1])
    for row in members.several:
        out[row] = NAN
    return out


def column_of(values: Values) -> Column:
    """The column of these values."""
    return Column(values())


def ratio_of(top: Values, bottom: Values, otherwise: Values | None) -> Column:
    """Return the ratio; where there is none, the reported value (``otherwise``)."""
    values = divide(top(), bottom())
    if otherwise is not None:
        values = array("d", (t if math.isnan(v) else v for v, t in zip(values, otherwise(), strict=True)))
    return Column(values)


ROUNDING = 1.1
"""Tolerance for a share of time above 1: clocks that differ, and Prometheus' extrapolation."""


def possible(quantity: Quantity, values: array[float]) -> array[float]:
    """Return the values; for a share of time none above 1: rounding is cut off, and impossible values are unknown."""
    if quantity is not Quantity.THROTTLE or not any(v > 1 for v in values):
        return values
    return array("d", (v if not v > 1 else 1.0 if v <= ROUNDING else NAN for v in values))


def mean_of(sums: array[float], counts: array[float], members: Members) -> Column:
    """The sums divided by the counts."""
    return Column(divide(fold(sums, members, Combine.SUM), fold(counts, members, Combine.SUM)))


def one_of(found: Callable[[], Mapping[Quantity, Column]], name: Quantity) -> Column:
    """One of several columns that are made together."""
    return found()[name]


def quantiles_of(wanted: Mapping[Quantity, float], per_row: PerRow, rows: int) -> dict[Quantity, Column]:
    """The columns of these quantiles, of the merged histograms of each row."""
    values = {name: array("d", [NAN]) * rows for name in wanted}
    edges = {name: array("d", [NAN]) * rows for name in wanted}
    lows = {name: array("d", [NAN]) * rows for name in wanted}
    bounds = {name: bytearray(rows) for name in wanted}
    for row, histograms in per_row.find().items():
        merged = merge(histograms)
        if merged is None or not merged.count > 0:
            continue
        for name, found in zip(wanted, quantiles(wanted.values(), merged), strict=True):
            values[name][row] = found.value
            if found.bound is not Bound.EXACT:
                bounds[name][row] = found.bound
                edges[name][row], lows[name][row] = found.edge, found.low
    return {name: Column(values[name], bytes(bounds[name]), edges[name], lows[name]) for name in wanted}


def oldest(ages: array[float], members: Members) -> array[float]:
    """A combined row is as old as its oldest member; NaN for one without members."""
    return fold(ages, members, Combine.MAX)


def most_doubtful(states: bytes, members: Members, *, keep_reset: bool) -> bytes:
    """Return the state of each row: that of its most doubtful member, MISSING without members.

    A restart of one engine does not make a workload's sum doubtful (the rate already handles it), so RESET goes no
    further up than the pod.
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
