"""The table of a measurement in the making: rows are appended, and columns come with their first value."""

from __future__ import annotations

import math
from array import array
from typing import Generic, TypeVar

from fleet.model.measurement import EngineId, GatewayId, GpuId, Table
from fleet.model.quantity import Quantity

Id = TypeVar("Id", EngineId, GatewayId, GpuId)


class GrowingColumns(Generic[Id]):
    """A table that grows by rows. A quantity that no row has, has no column."""

    def __init__(self, rows: int = 0) -> None:
        """``rows`` that are expected: columns are made that long, and grow no more until there are as many."""
        self.ids: list[Id] = []
        self._long = rows
        self.ages = array("d")
        self.reset: set[int] = set()
        self._columns: dict[Quantity, array[float]] = {}

    def grow(self, ids: tuple[Id, ...], age: float, *, reset: bool = False) -> int:
        """Append rows, all NaN; the number of the first one."""
        base = len(self.ids)
        self.ids.extend(ids)
        self.ages.extend([age] * len(ids))
        if reset:
            self.reset.update(range(base, base + len(ids)))
        if len(self.ids) > self._long:
            self._long = len(self.ids)
            for column in self._columns.values():
                column.extend(blank(self._long - len(column)))
        return base

    def put(self, quantity: Quantity, row: int, value: float) -> None:
        """Set one value."""
        column = self._columns.get(quantity)
        if column is None:
            column = self._columns[quantity] = blank(self._long)
        column[row] = value

    def offer(self, quantity: Quantity, row: int, value: float) -> None:
        """Set one value where there is none yet."""
        column = self._columns.get(quantity)
        if column is None or math.isnan(column[row]):
            self.put(quantity, row, value)

    def table(self) -> Table:
        """The table as it is now."""
        rows = len(self.ids)
        if self._long > rows:
            self._columns = {quantity: column[:rows] for quantity, column in self._columns.items()}
            self._long = rows
        return Table(self._columns, self.ages, frozenset(self.reset))


def blank(rows: int) -> array[float]:
    """A column without values."""
    return array("d", [math.nan]) * rows
