"""Signs of metrics: a level, a code, the reasons for lowered clocks.

They are evaluated column by column, so that of thousands of rows only a few are judged.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from operator import eq, ge, gt, lt
from typing import NamedTuple, Protocol

from fleet.dataclass import dataclass
from fleet.diagnosis.sign import Observation, Sign
from fleet.diagnosis.signs.quantity_words import quantity_name, quantity_text
from fleet.diagnosis.subjects.subject import MetricsRow, MetricsTable
from fleet.diagnosis.threshold import Limit, Threshold, limit_at
from fleet.model.column_search import rows_of_zero
from fleet.model.profile import CHAT, Profile
from fleet.model.quantity import Quantity

THROTTLE_REASONS = "throttle reasons"
"""The input of signs that read them."""


class MetricsSign(Sign[MetricsRow], Protocol):
    """A sign of a row of numbers."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Quantities that it reads."""
        ...

    def among(self, table: MetricsTable, rows: Iterable[int] | None) -> Collection[int]:
        """Return those of ``rows`` (None: all) for which it holds."""
        ...


class NumbersInWords:
    """The words of a metrics sign: the numbers that it reads, and what lowers the clocks if it checks that."""

    __slots__ = ()

    def observations(self: MetricsSign, of: MetricsRow) -> Iterable[Observation]:
        found = [
            Observation(f"{quantity_name(one)}: {quantity_text(one, of.value(one))}", one) for one in self.quantities
        ]
        reasons = ", ".join(of.throttled_by)
        if not found or (reasons and THROTTLE_REASONS in self.reads):
            found.append(Observation(f"{self.name}: {reasons}" if reasons else self.name))
        return found

    def contrary(self: MetricsSign, of: MetricsRow) -> str:
        numbers = [one.text for one in self.observations(of) if one.quantity is not None]
        return ", ".join(numbers) or f"not true: {self.name}"


class Is(StrEnum):
    """The relation of a number to a limit."""

    ABOVE = ">"
    AT_LEAST = "≥"
    BELOW = "<"
    EXACTLY = "="


_REACHING = frozenset({Is.ABOVE, Is.AT_LEAST})
_COMPARE: Mapping[Is, Callable[[float, float], bool]] = {Is.ABOVE: gt, Is.AT_LEAST: ge, Is.BELOW: lt, Is.EXACTLY: eq}


@dataclass(frozen=True, slots=True)
class Level(NumbersInWords):
    """A quantity above, at or below a limit."""

    quantity: Quantity
    how: Is
    limit: Limit

    @property
    def name(self) -> str:
        return f"{self.quantity.value} {self.how.value} {limit_at(self.limit, CHAT):g}"

    @property
    def reads(self) -> str:
        return self.quantity.value

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        return (self.quantity,)

    def holds(self, row: MetricsRow) -> bool | None:
        return self.met(row.value(self.quantity), row.profile)

    def met(self, value: float, profile: Profile) -> bool | None:
        """True if a value of the quantity meets the limit of a profile; None for NaN."""
        return None if math.isnan(value) else _COMPARE[self.how](value, limit_at(self.limit, profile))

    def among(self, table: MetricsTable, rows: Iterable[int] | None) -> Collection[int]:
        column = table.frame.columns.get(self.quantity)
        if column is None:
            return ()
        values: array[float] = column.values
        limit = self._widest(table)
        if rows is None:
            found = self._anywhere(table, limit, values)
        elif self.how in _REACHING:
            least = self._least(limit)
            found = [row for row in rows if values[row] >= least]
        else:
            compare = _COMPARE[self.how]
            found = [row for row in rows if compare(values[row], limit)]
        if not found or not table.profiles.by_row or not isinstance(self.limit, Threshold):
            return found
        return [row for row in found if self.met(values[row], table.profile_of(row))]

    def _widest(self, table: MetricsTable) -> float:
        """Return the most permissive of the limits of all profiles."""
        if not isinstance(self.limit, Threshold):
            return self.limit
        widest = max if self.how is Is.BELOW else min
        return widest(map(self.limit.at, table.profiles.distinct))

    def _least(self, limit: float) -> float:
        """Return the least number that is above a limit, or at it."""
        return limit if self.how is Is.AT_LEAST else math.nextafter(limit, math.inf)

    def _anywhere(self, table: MetricsTable, limit: float, values: array[float]) -> Sequence[int]:
        """Return all rows that meet a limit."""
        if self.how in _REACHING and limit > 0:
            return table.reaching(self.quantity, self._least(limit))
        if self.how is Is.EXACTLY and limit == 0:
            return rows_of_zero(values)
        compare = _COMPARE[self.how]
        return [row for row, value in enumerate(values) if compare(value, limit)]


@dataclass(frozen=True, slots=True)
class Portion(NumbersInWords):
    """One quantity as a share of another, at or above a limit; unknown where one of them is."""

    part: Quantity
    whole: Quantity
    limit: Threshold

    @property
    def name(self) -> str:
        return f"{self.reads} ≥ {self.limit.at(CHAT):g}"

    @property
    def reads(self) -> str:
        return f"{self.part.value} / {self.whole.value}"

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        return (self.part, self.whole)

    def holds(self, row: MetricsRow) -> bool | None:
        part, whole = row.value(self.part), row.value(self.whole)
        return None if math.isnan(part + whole) else 0 < whole * self.limit.at(row.profile) <= part

    def among(self, table: MetricsTable, rows: Iterable[int] | None) -> Collection[int]:
        # Most rows have none of the part.
        looked_at = table.reaching(self.part, math.nextafter(0, 1)) if rows is None else rows
        return [at for at in looked_at if self.holds(table.row(at))]


@dataclass(frozen=True, slots=True)
class Code(NumbersInWords):
    """A gauge of codes that shows one of these (or, ``but``, any other than these); 0 is none."""

    quantity: Quantity
    codes: frozenset[int]
    but: bool = False

    @property
    def name(self) -> str:
        return (
            f"{self.quantity.value} is a code of another class" if self.but else f"{self.quantity.value} is such a code"
        )

    @property
    def reads(self) -> str:
        return self.quantity.value

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        return (self.quantity,)

    def holds(self, row: MetricsRow) -> bool | None:
        value = row.value(self.quantity)
        return None if math.isnan(value) else self._is_shown(value)

    def among(self, table: MetricsTable, rows: Iterable[int] | None) -> Collection[int]:
        column = table.frame.columns.get(self.quantity)
        if column is None:
            return ()
        values: array[float] = column.values
        # Codes are whole numbers, and 0 means none.
        looked_at = table.reaching(self.quantity, 1) if rows is None else rows
        return [row for row in looked_at if self._is_shown(values[row])]

    def _is_shown(self, value: float) -> bool:
        return value > 0 and (value in self.codes) is not self.but


class PackedField(NamedTuple):
    """Some bits of a gauge that packs several states into one number."""

    shift: int
    width: int
    bad: frozenset[int]
    """States that are a fault; 0 means that it is not supported."""
    words: str

    def is_bad(self, value: float) -> bool:
        return (int(value) >> self.shift) & ((1 << self.width) - 1) in self.bad


@dataclass(frozen=True, slots=True)
class Packed(NumbersInWords):
    """A gauge of packed states, one of which is bad."""

    quantity: Quantity
    fields: tuple[PackedField, ...]
    name: str

    @property
    def reads(self) -> str:
        return self.quantity.value

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        return (self.quantity,)

    def holds(self, row: MetricsRow) -> bool | None:
        value = row.value(self.quantity)
        return None if math.isnan(value) else bool(self.bad_in(value))

    def bad_in(self, value: float) -> Sequence[str]:
        """Return the words for what is bad in a number; nothing is, in one that is none."""
        return [one.words for one in self.fields if one.is_bad(value)] if math.isfinite(value) else []

    def observations(self, of: MetricsRow) -> Iterable[Observation]:
        shown = ", ".join(self.bad_in(of.value(self.quantity)))
        return (Observation(f"{quantity_name(self.quantity)}: {shown or 'nothing is bad'}", self.quantity),)

    def among(self, table: MetricsTable, rows: Iterable[int] | None) -> Collection[int]:
        column = table.frame.columns.get(self.quantity)
        if column is None:
            return ()
        values: array[float] = column.values
        looked_at = table.reaching(self.quantity, 1) if rows is None else rows
        return [row for row in looked_at if values[row] >= 1 and self.bad_in(values[row])]


@dataclass(frozen=True, slots=True)
class Lowered(NumbersInWords):
    """The exporter reports one of these as lowering the clocks of a GPU; unknown if it reports no reasons."""

    by: frozenset[str]
    name: str
    reads: str = THROTTLE_REASONS
    quantities: tuple[Quantity, ...] = ()

    def holds(self, row: MetricsRow) -> bool | None:
        reasons = row.reasons.get(row.key)
        return None if reasons is None else not self.by.isdisjoint(reasons)

    def contrary(self, of: MetricsRow) -> str:
        return (
            f"its clocks are lowered by: {', '.join(of.throttled_by)}"
            if of.throttled_by
            else "nothing lowers its clocks"
        )

    def among(self, table: MetricsTable, rows: Iterable[int] | None) -> Collection[int]:
        index = table.frame.index
        found = {index[key] for key, words in table.reasons.items() if key in index and not self.by.isdisjoint(words)}
        return found if rows is None else found.intersection(rows)


@dataclass(frozen=True, slots=True)
class Either(NumbersInWords):
    """One of several ways to see the same thing, each a list of signs that hold together."""

    alternatives: tuple[tuple[MetricsSign, ...], ...]
    name: str
    quantities: tuple[Quantity, ...] = field(init=False)

    def __post_init__(self) -> None:
        read = dict.fromkeys(quantity for way in self.alternatives for sign in way for quantity in sign.quantities)
        object.__setattr__(self, "quantities", tuple(read))

    @property
    def reads(self) -> str:
        return ", ".join(dict.fromkeys(sign.reads for way in self.alternatives for sign in way))

    def observations(self, of: MetricsRow) -> Iterable[Observation]:
        """Yield what the ways read that hold: a number of another way would seem to contradict it."""
        held = [way for way in self.alternatives if _all_hold(sign.holds(of) for sign in way)]
        return dict.fromkeys(one for way in held or self.alternatives for sign in way for one in sign.observations(of))

    def holds(self, row: MetricsRow) -> bool | None:
        seen = [_all_hold(sign.holds(row) for sign in way) for way in self.alternatives]
        return True if True in seen else None if None in seen else False

    def among(self, table: MetricsTable, rows: Iterable[int] | None) -> Collection[int]:
        looked_at = None if rows is None else list(rows)
        return {row for way in self.alternatives for row in together(way, table, looked_at)}


def together(signs: Iterable[MetricsSign], table: MetricsTable, rows: Iterable[int] | None = None) -> Collection[int]:
    """Return the rows for which all of these hold; the first sign is the one that holds for the fewest."""
    found: Collection[int] | None = None
    for sign in signs:
        found = sign.among(table, rows if found is None else found)
        if not found:
            return ()
    return found or ()


def _all_hold(seen: Iterable[bool | None]) -> bool | None:
    answers = list(seen)
    return False if False in answers else None if None in answers else True
