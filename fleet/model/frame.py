"""Readings stored by column: one array per quantity, not one object per sample.

At 5,000 pods and 40 quantities an object per sample is 200,000 objects a tick; a column is one ``array`` of doubles.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from fleet.dataclass import dataclass
from fleet.model.quantity import Quantity
from fleet.model.reading import MISSING, UNKNOWN, Bound, Reading, State


def greatest(values: array[float]) -> float:
    """The greatest of the numbers that are not NaN; -inf for none."""
    if values and not math.isnan(sum(values)):
        return max(values)
    return max((value for value in values if not math.isnan(value)), default=-math.inf)


def consecutive(rows: Sequence[int]) -> Sequence[int]:
    """The same rows in ascending order, as a range if they follow one another: those of a workload mostly do."""
    return in_a_row(sorted(rows))


def in_a_row(rows: Sequence[int]) -> Sequence[int]:
    """The same rows, as a range if each follows the one before."""
    found = range(rows[0], rows[0] + len(rows)) if rows and rows[0] >= 0 else range(0)
    return found if list(rows) == list(found) else rows


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one quantity; row i belongs to ``Frame.keys[i]``. NaN if unknown.

    ``bounds``, ``edges`` and ``lows`` are empty except for percentiles (see Reading).
    """

    values: array[float]
    bounds: bytes = b""
    edges: array[float] | None = None
    lows: array[float] | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """All quantities of one kind of object at one moment.

    Ages and ``states`` (one State per byte) are per row: a target is scraped as a whole, so all its values are equally
    old. ``states[i]`` is FRESH, RESET, STALE or UNKNOWN; MISSING is per value (a NaN in a row that is otherwise alive).
    """

    keys: tuple[str, ...] = ()
    columns: Mapping[Quantity, Column] = field(default_factory=dict)
    ages: array[float] = field(default_factory=lambda: array("d"))
    """Age of each row in seconds at the measurement; NaN for an unmeasured row."""
    states: bytes = b""
    index: Mapping[str, int] = field(default_factory=dict)
    absent: State = State.MISSING
    """State of an object without a row: MISSING while the source answers, UNKNOWN while none does."""
    since: float = 0.0
    """Seconds since the measurement, added to every age: a frame that is carried on needs no new ``ages``."""

    @staticmethod
    def of(keys: Sequence[str], columns: Mapping[Quantity, Column], ages: array[float], states: bytes) -> Frame:
        """A frame with its index. All sequences have the length of ``keys``."""
        return Frame(tuple(keys), columns, ages, states, {key: i for i, key in enumerate(keys)})

    def age(self, row: int) -> float:
        """Return the age in seconds; 0.0 for an unmeasured row."""
        age = self.ages[row] + self.since
        return 0.0 if math.isnan(age) else age

    def get(self, key: str, quantity: Quantity) -> Reading:
        """Return the reading of one object; MISSING (or UNKNOWN, see ``absent``) if there is none."""
        row = self.index.get(key)
        column = self.columns.get(quantity)
        if row is None:
            return UNKNOWN if self.absent is State.UNKNOWN else MISSING
        state = State(self.states[row])
        value = math.nan if column is None else column.values[row]
        if state is State.UNKNOWN or math.isnan(value):
            return Reading(math.nan, State.UNKNOWN if state is State.UNKNOWN else State.MISSING, self.age(row))
        if column is None or not column.bounds or not column.bounds[row]:
            return Reading(value, state, self.age(row))
        edge = column.edges[row] if column.edges is not None else math.nan
        low = column.lows[row] if column.lows is not None else math.nan
        return Reading(value, state, self.age(row), Bound(column.bounds[row]), edge, low)

    def value(self, key: str, quantity: Quantity) -> float:
        """The bare number, NaN where there is none: for sorting and history."""
        row = self.index.get(key)
        column = self.columns.get(quantity)
        return math.nan if row is None or column is None else column.values[row]

    def rows(self, keys: Iterable[str]) -> list[int]:
        """Row numbers of objects, -1 for one without a row. They hold for every frame with this ``index``."""
        row = self.index.get
        return [row(key, -1) for key in keys]

    def values(self, rows: Iterable[int], quantity: Quantity) -> list[float]:
        """The bare numbers at ``rows``, NaN where there is none: for orders of thousands.

        A range of rows that are there (see ``consecutive``) is read in a third of the time.
        """
        column = self.columns.get(quantity)
        if column is None:
            return [math.nan for _ in rows]
        values = column.values
        if isinstance(rows, range):
            return values[rows.start : rows.stop : rows.step].tolist()
        return [values[row] if row >= 0 else math.nan for row in rows]

    def row(self, key: str) -> Iterator[tuple[Quantity, Reading]]:
        """Every quantity that this object has a number for."""
        for quantity in self.columns:
            reading = self.get(key, quantity)
            if reading.known:
                yield quantity, reading


class FrameLists:
    """The numbers of a frame as lists, each made when it is first read: for many reads of a few rows each."""

    __slots__ = ("_frame", "_lists")

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._lists: dict[Quantity, list[float]] = {}

    def values(self, rows: Iterable[int], quantity: Quantity) -> list[float]:
        """Return the bare numbers at ``rows``, as ``Frame.values`` does."""
        found = self._lists.get(quantity)
        if found is None:
            column = self._frame.columns.get(quantity)
            found = [math.nan] * len(self._frame.keys) if column is None else column.values.tolist()
            self._lists[quantity] = found
        if isinstance(rows, range):
            return found[rows.start : rows.stop : rows.step]
        return [found[row] if row >= 0 else math.nan for row in rows]


class NumbersOfRows(Protocol):
    """A frame, or its numbers as lists."""

    def values(self, rows: Iterable[int], quantity: Quantity) -> list[float]:
        """The bare numbers at ``rows``, NaN where there is none."""
        ...
