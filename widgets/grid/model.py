"""The model of a grid: columns, groups of rows in order, and access to the rows on the screen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Protocol

from fleet.dataclass import dataclass
from fleet.model.severity import Severity
from widgets.cells import Cell
from widgets.line import Align


@dataclass(frozen=True, slots=True)
class GridColumn:
    """A column, and its behaviour when the width changes.

    ``width`` is the smallest useful width, in cells; up to ``widest`` it takes its share of spare width, by ``grow``
    (0: none). Columns with a low ``priority`` number stay when it gets narrow; the others move to the next page, one →
    away. The first column of a grid names the row: it is on every page, and its width includes the glyphs in front of
    the name.
    """

    id: str
    title: str
    width: int
    unit: str = ""
    """Drawn beside the title."""
    priority: int = 5
    align: Align = "right"
    grow: int = 0
    widest: int = 0
    """0 for ``width``."""
    share: float = 0.0
    """Largest share of the page's width: columns of lower priority get the rest."""
    explains: bool = False
    """True if its text is the reason for the rest of the row: whole above the keys where it has no room."""
    fills: bool = True
    """True if it may fill the room that is too small for one of lower number; else it comes after all of those."""


class GridRow(NamedTuple):
    """One row: its cells aligned with the columns of the model. Only those on the page are requested.

    They are compared by value from tick to tick.
    """

    key: str
    cells: Sequence[Cell]
    severity: Severity | None = None
    """The glyph in front of the name; None for no glyph."""


class Alike(NamedTuple):
    """Children of a group that are alike: one row stands for them until it is opened."""

    trait: str
    """The identity of that row within its group: the trait that they share."""
    keys: Collection[str]


class RowGroup(NamedTuple):
    """A row of the first level and the keys of the rows below it, in order. Keys are unique in the whole grid.

    Children are only iterated while their group is open; in closed ones the grid asks no more than ``key in children``.
    """

    key: str
    children: Sequence[str] = ()
    alike: Iterable[Alike] = ()
    """Children with one row for several, each in one of these; iterated when the group is open."""


class Arrangement(NamedTuple):
    """The user's choice of columns and open groups."""

    columns: tuple[str, ...] = ()
    """The ids of the columns beside the first one; empty for all."""
    pinned: tuple[str, ...] = ()
    """The groups that stay open."""


class Sort(NamedTuple):
    """The column by which the model is sorted, for its mark in the head."""

    column: str
    descending: bool = True


class GridModel(Protocol):
    """A view model. ``groups`` are in display order; rows are only requested while they are on the screen.

    A new model object is passed to ``Grid.show`` for every tick; its results must not change after that.
    """

    @property
    def columns(self) -> tuple[GridColumn, ...]:
        """The same tuple from tick to tick, unless the columns change."""
        ...

    @property
    def groups(self) -> Sequence[RowGroup]: ...

    @property
    def sort(self) -> Sort | None: ...

    @property
    def waiting(self) -> str:
        """Text of an empty grid: what it waits for, or why there is nothing."""
        ...

    def row(self, key: str) -> GridRow:
        """The row of a key from ``groups``."""
        ...


@dataclass(frozen=True, slots=True)
class Nothing:
    """The model of a grid that has not been shown anything yet."""

    waiting: str = ""
    columns: tuple[GridColumn, ...] = ()
    groups: Sequence[RowGroup] = ()
    sort: Sort | None = None

    def row(self, key: str) -> GridRow:
        raise KeyError(key)
