"""A table of names to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from console.views.filter import Filter
from fleet.dataclass import dataclass
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.untrusted import untrusted_name

_CHOICE_NAME = GridColumn("name", "NAME", 24, align="left", grow=1, widest=70, priority=0)
_CHOICE_NOW = GridColumn("now", "IN VIEW", 7, align="left", priority=1)


@dataclass(frozen=True, slots=True, eq=False)
class ChoiceModel:
    """A GridModel of names to choose from. ``items`` are (value, words); the value is the row's key."""

    items: Sequence[tuple[str, str]]
    current: str
    filter: Filter
    waiting: str = ""
    sort: Sort | None = None
    heads: tuple[GridColumn, ...] = ()
    """The columns between the name and the mark of the current choice."""
    beside: Mapping[str, tuple[Cell, ...]] = field(default_factory=dict)
    """The cells of these, by value."""

    @property
    def columns(self) -> tuple[GridColumn, ...]:
        return (_CHOICE_NAME, *self.heads, _CHOICE_NOW)

    @property
    def groups(self) -> Sequence[RowGroup]:
        return [RowGroup(value) for value, words in self.items if not self.filter or self.filter.matches(words, {})]

    def row(self, key: str) -> GridRow:
        words = next(words for value, words in self.items if value == key)
        beside = self.beside.get(key, ()) or (NOTHING,) * len(self.heads)
        now = Text("yes" if key == self.current else "", Role.DIM)
        return GridRow(key, (Text(untrusted_name(words)), *beside, now))
