"""A table of names to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from console.views.filter import Filter
from fleet.dataclass import dataclass
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.line import width_of
from widgets.untrusted import untrusted_name

_NARROWEST, _WIDEST = 24, 70
_LEAD = 5
"""Cells in front of a name, and behind the longest one."""
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
        # Not wider than its names: what is known of them is beside them, however wide the screen is.
        longest = max((width_of(words) for _, words in self.items), default=0)
        widest = max(_NARROWEST, min(_WIDEST, longest + _LEAD))
        name = GridColumn("name", "NAME", _NARROWEST, align="left", grow=1, widest=widest, priority=0)
        return (name, *self.heads, _CHOICE_NOW)

    @property
    def groups(self) -> Sequence[RowGroup]:
        return [RowGroup(value) for value, words in self.items if not self.filter or self.filter.matches(words, {})]

    def row(self, key: str) -> GridRow:
        words = next(words for value, words in self.items if value == key)
        beside = self.beside.get(key, ()) or (NOTHING,) * len(self.heads)
        now = Text("yes" if key == self.current else "", Role.DIM)
        return GridRow(key, (Text(untrusted_name(words)), *beside, now))
