"""Signs: what is looked at to tell a cause, each a small pure function that says what it reads.

A sign holds, does not hold, or is unknown (None) where its input is missing: what is unknown proves nothing.
Signs of rows of numbers are looked for column by column, so that of thousands of rows a few are judged.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from operator import eq, ge, gt, lt
from typing import Generic, NamedTuple, Protocol, TypeVar

from fleet.dataclass import dataclass
from fleet.model.frame import Frame
from fleet.model.quantity import Quantity

S_contra = TypeVar("S_contra", contravariant=True)
S = TypeVar("S")

Reasons = Mapping[str, tuple[str, ...]]
"""GPU key → what lowers its clocks, in words."""
NO_REASONS: Reasons = {}
THROTTLE_REASONS = "throttle reasons"
"""The input of signs that read them."""


class Sign(Protocol[S_contra]):
    """Something that can be seen of an object."""

    @property
    def name(self) -> str:
        """The sign in words, as it holds: ``the kubelet backs off``."""
        ...

    @property
    def reads(self) -> str:
        """The field or the quantity that it looks at."""
        ...

    @property
    def holds(self) -> Callable[[S_contra], bool | None]:
        """Whether it does; None where that is not known."""
        ...


@dataclass(frozen=True, slots=True)
class Fact(Generic[S]):
    """A sign of an object of Kubernetes, by its row."""

    name: str
    reads: str
    holds: Callable[[S], bool | None]
    shows: Callable[[S], str] = lambda _: ""
    """Text that stands there, in the words of whoever wrote it: a condition's message, an exit code."""


class MetricsRow(NamedTuple):
    """One object's numbers: a row of a frame."""

    frame: Frame
    at: int
    reasons: Reasons = NO_REASONS

    @property
    def key(self) -> str:
        return self.frame.keys[self.at]

    def value(self, quantity: Quantity) -> float:
        """NaN where there is none."""
        column = self.frame.columns.get(quantity)
        return math.nan if column is None else column.values[self.at]

    @property
    def said(self) -> tuple[str, ...]:
        """Reasons for a GPU's lowered clocks."""
        return self.reasons.get(self.key, ())


class MetricsSign(Sign[MetricsRow], Protocol):
    """A sign of a row."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Quantities that it reads."""
        ...

    def among(self, frame: Frame, reasons: Reasons, rows: Iterable[int] | None) -> Collection[int]:
        """Return which of ``rows`` (None: of all) it holds of."""
        ...


class Is(StrEnum):
    """The relation of a number to a limit."""

    ABOVE = ">"
    AT_LEAST = "≥"
    BELOW = "<"
    EXACTLY = "="


_COMPARE: Mapping[Is, Callable[[float, float], bool]] = {Is.ABOVE: gt, Is.AT_LEAST: ge, Is.BELOW: lt, Is.EXACTLY: eq}


@dataclass(frozen=True, slots=True)
class Level:
    """A quantity above, at or below a limit."""

    quantity: Quantity
    how: Is
    limit: float

    @property
    def name(self) -> str:
        return f"{self.quantity.value} {self.how.value} {self.limit:g}"

    @property
    def reads(self) -> str:
        return self.quantity.value

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        return (self.quantity,)

    def holds(self, row: MetricsRow) -> bool | None:
        return self.met(row.value(self.quantity))

    def met(self, value: float) -> bool | None:
        """Whether a value of the quantity is so."""
        return None if math.isnan(value) else _COMPARE[self.how](value, self.limit)

    def among(self, frame: Frame, reasons: Reasons, rows: Iterable[int] | None) -> Collection[int]:
        del reasons
        column, limit = frame.columns.get(self.quantity), self.limit
        if column is None:
            return ()
        values: Sequence[float] = column.values
        if rows is not None:
            compare = _COMPARE[self.how]
            return [row for row in rows if compare(values[row], limit)]
        # Written out: over thousands of rows a call for each would cost more than all the rest.
        match self.how:
            case Is.ABOVE:
                return [row for row, value in enumerate(values) if value > limit]
            case Is.AT_LEAST:
                return [row for row, value in enumerate(values) if value >= limit]
            case Is.BELOW:
                return [row for row, value in enumerate(values) if value < limit]
            case Is.EXACTLY:
                if limit not in values:
                    return ()
                return [row for row, value in enumerate(values) if value == limit]


@dataclass(frozen=True, slots=True)
class Code:
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
        return None if math.isnan(value) else self._shows(value)

    def among(self, frame: Frame, reasons: Reasons, rows: Iterable[int] | None) -> Collection[int]:
        del reasons
        column = frame.columns.get(self.quantity)
        if column is None:
            return ()
        values: array[float] = column.values
        looked_at = enumerate(values) if rows is None else ((row, values[row]) for row in rows)
        return [row for row, value in looked_at if value > 0 and self._shows(value)]

    def _shows(self, value: float) -> bool:
        return value > 0 and (value in self.codes) is not self.but


@dataclass(frozen=True, slots=True)
class Lowered:
    """The exporter says that one of these lowers the clocks of a GPU; unknown of one whose exporter says nothing."""

    by: frozenset[str]
    name: str
    reads: str = THROTTLE_REASONS
    quantities: tuple[Quantity, ...] = ()

    def holds(self, row: MetricsRow) -> bool | None:
        said = row.reasons.get(row.key)
        return None if said is None else not self.by.isdisjoint(said)

    def among(self, frame: Frame, reasons: Reasons, rows: Iterable[int] | None) -> Collection[int]:
        index = frame.index
        found = {index[key] for key, words in reasons.items() if key in index and not self.by.isdisjoint(words)}
        return found if rows is None else found.intersection(rows)


@dataclass(frozen=True, slots=True)
class Either:
    """One of several ways in which the same is seen: each a list of signs that hold together."""

    ways: tuple[tuple[MetricsSign, ...], ...]
    name: str
    quantities: tuple[Quantity, ...] = field(init=False)

    def __post_init__(self) -> None:
        read = dict.fromkeys(quantity for way in self.ways for sign in way for quantity in sign.quantities)
        object.__setattr__(self, "quantities", tuple(read))

    @property
    def reads(self) -> str:
        return ", ".join(dict.fromkeys(sign.reads for way in self.ways for sign in way))

    def holds(self, row: MetricsRow) -> bool | None:
        seen = [_all_hold(sign.holds(row) for sign in way) for way in self.ways]
        return True if True in seen else None if None in seen else False

    def among(self, frame: Frame, reasons: Reasons, rows: Iterable[int] | None) -> Collection[int]:
        looked_at = None if rows is None else list(rows)
        return {row for way in self.ways for row in together(way, frame, reasons, looked_at)}


def together(
    signs: Iterable[MetricsSign], frame: Frame, reasons: Reasons, rows: Iterable[int] | None = None
) -> Collection[int]:
    """The rows at which all of these hold; the first sign is the one that holds of the fewest."""
    found: Collection[int] | None = None
    for sign in signs:
        found = sign.among(frame, reasons, rows if found is None else found)
        if not found:
            return ()
    return found or ()


def _all_hold(seen: Iterable[bool | None]) -> bool | None:
    answers = list(seen)
    return False if False in answers else None if None in answers else True
