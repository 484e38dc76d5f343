"""Aggregation of columns from engines and GPUs to pods, workloads and models: how each quantity is folded.

Ratios divide sums; percentiles come from merged buckets. Folding several columns returns their makers: a column is
folded (``fleet.snapshot.fold``) when it is read (``fleet.snapshot.columns``).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from functools import partial

from fleet.model.quantity import MEANINGS, OF_CARD, QUANTILES, RATIOS, Family, Quantity
from fleet.snapshot.columns import Make
from fleet.snapshot.fold import (
    FOLD,
    Members,
    Once,
    PerRow,
    Values,
    column_of,
    divisor_of,
    fold,
    mean_of,
    of_only_member,
    one_of,
    quantiles_of,
    ratio_of,
    unchanged,
)

_WANTED = {
    family: {name: q for name, (of, q) in QUANTILES.items() if of is family}
    for family in {of for of, _ in QUANTILES.values()}
}


def as_they_are(columns: Mapping[Quantity, array[float]]) -> dict[Quantity, Make]:
    """The columns of the rows themselves, and the ratio of each."""
    values: dict[Quantity, Values] = {quantity: partial(unchanged, column) for quantity, column in columns.items()}
    return _with_ratios(columns, None, values, lambda _, bottom: values[bottom])


def gauges_and_rates(
    columns: Mapping[Quantity, array[float]], members: Members, *, to_pod: bool, cards: Members | None = None
) -> dict[Quantity, Make]:
    """Fold every additive column, then form the ratios from the sums. ``cards``: the members that quantities of whole
    cards are folded of, if these are others.

    A ratio covers the members that report both parts of it: one that counts no hits still counts queries, and would
    lower the ratio of the others. A row with one member that reports the ratio itself, but not its parts, uses that.
    """
    folded: dict[Quantity, Values] = {}
    for quantity, values in columns.items():
        meaning = MEANINGS[quantity]
        how = meaning.to_pod if to_pod else meaning.to_group
        if how in FOLD:
            those = cards if cards is not None and quantity in OF_CARD else members
            folded[quantity] = Once(partial(fold, values, those, how))
        elif quantity in RATIOS:
            folded[quantity] = Once(partial(of_only_member, values, members))

    def divisor(top: Quantity, bottom: Quantity) -> Values:
        return partial(divisor_of, columns[top], columns[bottom], folded[bottom], members)

    return _with_ratios(columns, members, folded, divisor)


def _with_ratios(
    columns: Mapping[Quantity, array[float]],
    members: Members | None,
    folded: Mapping[Quantity, Values],
    divisor: Callable[[Quantity, Quantity], Values],
) -> dict[Quantity, Make]:
    """Return the columns, folded, and the ratio of each row: from its parts, else as its engine reports it.

    ``divisor``: from the names of a numerator and a denominator to a maker of the matching divisor.
    """
    out = {
        quantity: Make((columns[quantity], members), partial(column_of, values)) for quantity, values in folded.items()
    }
    for ratio, (top, bottom) in RATIOS.items():
        if top in folded and bottom in folded:
            of = (columns[top], columns[bottom], columns.get(ratio), members)
            out[ratio] = Make(of, partial(ratio_of, folded[top], divisor(top, bottom), folded.get(ratio)))
    return out


def means(phases: Mapping[Quantity, tuple[array[float], array[float]]], members: Members) -> dict[Quantity, Make]:
    """Mean seconds per phase: rate of the sums over rate of the counts."""
    return {
        quantity: Make((sums, counts, members), partial(mean_of, sums, counts, members))
        for quantity, (sums, counts) in phases.items()
    }


def percentiles(parts: Mapping[Family, PerRow], rows: int) -> dict[Quantity, Make]:
    """Return the percentiles of every row from its histograms: merged first, then evaluated.

    A row without observations gets NaN: nothing happened, and that is not a latency of zero.
    """
    out: dict[Quantity, Make] = {}
    for family, per_row in parts.items():
        wanted = _WANTED.get(family, {})
        found = Once(partial(quantiles_of, wanted, per_row, rows))
        out.update({name: Make(per_row.of, partial(one_of, found, name)) for name in wanted})
    return out
