"""A column of a table: its cells, its sort key, and when it is shown. A column is one row of a tuple.

The display, the sort commands, their keys, the help and docs/keys.md are made from these rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cache
from typing import Generic, TypeVar

from console.views.query import by_number
from fleet.dataclass import dataclass
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Join, Snapshot
from widgets.cells import NOTHING, Cell
from widgets.grid import GridColumn, Sort

Top = TypeVar("Top")
"""Rows of the first level: workloads, nodes."""
Below = TypeVar("Below")
"""Rows beneath them: pods, GPUs."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The input of cells."""

    snapshot: Snapshot
    joins: Mapping[str, Join] = field(default_factory=dict)
    """Key of an unjoined object → why."""


def blank(shown: Shown, row: object) -> Cell:
    """Return an empty cell, for objects that never have a value there."""
    del shown, row
    return NOTHING


def always(snapshot: Snapshot) -> bool:
    """Show the column in every fleet."""
    del snapshot
    return True


def never(snapshot: Snapshot) -> bool:
    """Show no column: it is only sorted by."""
    del snapshot
    return False


@dataclass(frozen=True, slots=True, eq=False)
class TableColumn(Generic[Top, Below]):
    """One column of a table."""

    column: GridColumn
    top: Callable[[Shown, Top], Cell] = blank
    below: Callable[[Shown, Below], Cell] = blank
    value: Callable[[Snapshot, str], float] | None = None
    """Sort key of a row: NaN for none. None if the column cannot be sorted by."""
    name: Callable[[Snapshot, str], tuple[str, ...]] | None = None
    """The same where it is a text."""
    quantity: Quantity | None = None
    """The quantity that it shows; None if it is not measured."""
    key: str = ""
    """The letter that sorts by it, with shift; empty if it has none."""
    words: str = ""
    """Name of the order, in words."""
    shown: Callable[[Snapshot], bool] = always

    @property
    def sortable(self) -> bool:
        """True if the table can be sorted by it."""
        return self.value is not None or self.name is not None


def shown_in(columns: Sequence[TableColumn[Top, Below]], snapshot: Snapshot) -> tuple[TableColumn[Top, Below], ...]:
    """Return the columns that a fleet has something for."""
    return tuple(column for column in columns if column.shown(snapshot))


@cache
def drawn(columns: tuple[TableColumn[Top, Below], ...]) -> tuple[GridColumn, ...]:
    """Return the columns as a grid takes them; the same tuple from tick to tick."""
    return tuple(column.column for column in columns)


def sortable(columns: Sequence[TableColumn[Top, Below]]) -> frozenset[str]:
    """Return the ids of the columns that the table can be sorted by."""
    return frozenset(column.column.id for column in columns if column.sortable)


def sorted_quantity(columns: Sequence[TableColumn[Top, Below]], sort: Sort | None) -> Quantity | None:
    """Return the quantity that a table is sorted by; None if it is not measured, or there is no order."""
    return next((one.quantity for one in columns if sort is not None and one.column.id == sort.column), None)


def ordered(
    columns: Sequence[TableColumn[Top, Below]], snapshot: Snapshot, keys: Sequence[str], sort: Sort
) -> list[str]:
    """Return keys in the requested order; those without a number come last in either direction."""
    column = next(column for column in columns if column.column.id == sort.column)
    name, value = column.name, column.value
    if name is not None:
        return sorted(keys, key=lambda key: name(snapshot, key), reverse=sort.descending)
    return by_number(keys, lambda key: value(snapshot, key) if value else math.nan, descending=sort.descending)
