"""Columns from the values of an answer: the place of each number is computed once, then values are only moved.

The mapping is made from the labels of one answer, and applied to the values of every answer with the same series.
Values have a NaN appended, which a row without a number gets.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy

from fleet.metrics.dialect import Metric, Pick, Rule, pick
from fleet.metrics.moved_series import LostSeriesError
from fleet.model.quantity import Quantity

_NONE = -1
"""The place of the NaN."""


class _Layer:
    """One number for each row: its place among the values, and its factor."""

    def __init__(self, rows: int) -> None:
        self.places = array("i", [_NONE]) * rows
        """Not a list: its numbers, each an object, would take ten times the memory."""
        self.factors: array[float] | None = None

    def put(self, row: int, place: int, factor: float) -> None:
        self.places[row] = place
        if factor != 1.0 and self.factors is None:
            self.factors = array("d", [1.0]) * len(self.places)
        if self.factors is not None:
            self.factors[row] = factor

    def moved(self, sources: Sequence[int], places: Sequence[int]) -> _Layer:
        """The layer of other rows (see ``ColumnPart.moved``)."""
        found = [self.places[row] if row >= 0 else _NONE for row in sources]
        other = _Layer(0)
        other.places = array("i", [places[place] for place in found])
        if other.places.count(_NONE) != found.count(_NONE):
            raise LostSeriesError
        if self.factors is not None:
            other.factors = array("d", [self.factors[row] if row >= 0 else 1.0 for row in sources])
        return other

    def read(self, values: Sequence[float]) -> list[float]:
        return list(map(values.__getitem__, self.places))


class ColumnPart:
    """One spelling of a quantity: the numbers of each row, in order.

    Gauges are read by their own rule. A row has the sum (``summed``), or the first number.
    """

    def __init__(self, rows: int, gauge: Metric | None = None, *, summed: bool = False) -> None:
        self._rows = rows
        self._low, self._high = gauge.valid if gauge is not None else (-math.inf, math.inf)
        self._state = gauge.state if gauge is not None else None
        self._once = gauge is not None and gauge.once
        self._summed = summed
        self._layers: list[_Layer] = []

    def put(self, row: int, place: int, factor: float = 1.0) -> None:
        """The row has this number as well."""
        for layer in self._layers:
            if layer.places[row] == _NONE:
                break
        else:
            layer = _Layer(self._rows)
            self._layers.append(layer)
        layer.put(row, place, factor)

    def moved(self, sources: Sequence[int], places: Sequence[int]) -> ColumnPart:
        """Return the part for other rows: each has the numbers of its row in ``sources``, none for -1, and they are at
        the places in ``places`` (see ``Moved``). Raises LostSeriesError if one of those numbers no longer exists.
        """
        other = copy(self)
        other._rows = len(sources)
        layers = (layer.moved(sources, places) for layer in self._layers)
        other._layers = [layer for layer in layers if layer.places.count(_NONE) < len(sources)]
        return other

    @property
    def places(self) -> Iterator[int]:
        """Places of its numbers."""
        return (place for layer in self._layers for place in layer.places if place != _NONE)

    @property
    def there(self) -> bool:
        """True if any row has a number."""
        return bool(self._layers)

    def knows(self, row: int) -> bool:
        """True if the row has a number."""
        return bool(self._layers) and self._layers[0].places[row] != _NONE

    def read(self, values: Sequence[float]) -> list[float]:
        """The number of each row, NaN for none."""
        layers = [self._read(layer, values) for layer in self._layers]
        if not self._summed or len(layers) == 1:
            return known_first(layers)
        rows = zip(*layers, strict=True)
        return [math.fsum(some) if (some := [v for v in row if not math.isnan(v)]) else math.nan for row in rows]

    def _read(self, layer: _Layer, values: Sequence[float]) -> list[float]:
        low, high, nan = self._low, self._high, math.nan
        found = layer.read(values)
        if self._state is not None:
            found = [value if math.isnan(value) else float(value == self._state) for value in found]
        if layer.factors is not None:
            pairs = zip(found, layer.factors, strict=True)
            return [(1.0 if self._once else value) * factor if low <= value < high else nan for value, factor in pairs]
        return found if high == math.inf else [value if low <= value < high else nan for value in found]


def known_first(columns: Sequence[list[float]]) -> list[float]:
    """The first number that each row has."""
    found = columns[0]
    for column in columns[1:]:
        # Only NaN differs from itself.
        found = [b if a != a else a for a, b in zip(found, column, strict=True)]
    return found


class Choice:
    """A dialect's parts of each spelling of a quantity; None for a spelling that is absent."""

    def __init__(self, quantity: Quantity, rule: Rule, parts: Sequence[ColumnPart | None]) -> None:
        self.quantity = quantity
        self._rule, self._parts = rule, tuple(parts)
        there = [part for part in self._parts if part is not None]
        # The sum of some parts is not the whole.
        alone = len(there) == 1 and (rule.pick is not Pick.WHOLE or self._parts[0] is not None)
        self._alone = there[0] if alone else None

    def read(self, values: Sequence[float]) -> list[float]:
        """The number of each row, NaN for none."""
        if self._alone is not None:
            return self._alone.read(values)
        found = [None if part is None else part.read(values) for part in self._parts]
        rows = max(len(column) for column in found if column is not None)
        spelt = [[math.nan] * rows if column is None else column for column in found]
        return [pick(self._rule, row) for row in zip(*spelt, strict=True)]


def columns(found: Iterable[tuple[Quantity, list[float]]]) -> dict[Quantity, list[float]]:
    """A column for each quantity: where several are given, the first number that each row has."""
    out: dict[Quantity, list[float]] = {}
    for quantity, column in found:
        out[quantity] = known_first((out[quantity], column)) if quantity in out else column
    return out


def table(found: Mapping[Quantity, list[float]]) -> dict[Quantity, array[float]]:
    """The columns of a table: a quantity that no row has, has none."""
    return {
        quantity: array("d", column) for quantity, column in found.items() if any(value == value for value in column)
    }
