"""Columns of numbers in a text: their heads, those that fit, and the numbers of one object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from console.views.load import value_span
from fleet.model.frame import Frame
from fleet.model.quantity import Quantity
from themes.glyphs import Glyphs
from widgets.line import Span, fit


class ValueColumn(NamedTuple):
    """A quantity, what its column is called, and how many cells it takes."""

    title: str
    width: int
    quantity: Quantity
    priority: int
    """Rank of importance: where not all fit, those with a high number are left out. 0 is never left out."""


def fitting(columns: Sequence[ValueColumn], room: int) -> Sequence[ValueColumn]:
    """The columns that fit into so many cells."""
    while total_width(columns) > room and (least := max((column.priority for column in columns), default=0)):
        columns = [column for column in columns if column.priority < least]
    return columns


def total_width(columns: Sequence[ValueColumn]) -> int:
    """The cells that they take."""
    return sum(column.width for column in columns)


def titles(columns: Sequence[ValueColumn]) -> str:
    """The line above them."""
    return "".join(fit(column.title, column.width, "right", "") for column in columns)


def values(frame: Frame, key: str, columns: Sequence[ValueColumn], glyphs: Glyphs) -> Iterator[Span]:
    """The numbers of an object."""
    for column in columns:
        text, role = value_span(frame, key, column.quantity, glyphs)
        yield Span(fit(text, column.width, "right", glyphs.ellipsis), role)
