"""Columns that are folded on first read: a source has forty quantities, and a screen shows ten.

Quantities read from one measurement are made ahead of time for the next one (``prepare``), off the screens' thread, and
columns with the same inputs are reused (``keep``). Two threads that read a new column at the same time may both fold
it; both get the one stored first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fleet.model.differences import are_same
from fleet.model.frame import Column
from fleet.model.quantity import Quantity


class Make(NamedTuple):
    """Folds a column, purely: the same input objects give an equal column."""

    of: tuple[object, ...]
    fold: Callable[[], Column]

    def equals(self, other: Make | None) -> bool:
        """True if the other has the same inputs."""
        return other is not None and are_same(self.of, other.of)


class Columns(Mapping[Quantity, Column]):
    """Columns by quantity; which there are is known before any is made."""

    __slots__ = ("_made", "_makers", "read")

    def __init__(self, makers: Mapping[Quantity, Make]) -> None:
        self._makers = makers
        self._made: dict[Quantity, Column] = {}
        self.read: set[Quantity] = set()
        """Quantities read so far."""

    @property
    def made(self) -> int:
        """Number of columns folded so far: tests count what a tick costs."""
        return len(self._made)

    def __getitem__(self, quantity: Quantity) -> Column:
        self.read.add(quantity)
        return self._made.get(quantity) or self._make(quantity)

    def get(self, quantity: Quantity, default: Any = None) -> Any:
        """Return a column or the default: most rows lack some quantity; exceptions would cost more than the rest."""
        made = self._made.get(quantity)
        if made is None:
            return self[quantity] if quantity in self._makers else default
        self.read.add(quantity)
        return made

    def __contains__(self, quantity: object) -> bool:
        return quantity in self._makers

    def __iter__(self) -> Iterator[Quantity]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def prepare(self, quantities: Iterable[Quantity]) -> None:
        """Make those of these quantities that exist, without counting them as read."""
        for quantity in quantities:
            if quantity in self._makers and quantity not in self._made:
                self._make(quantity)

    def keep(self, before: Columns) -> None:
        """Reuse the earlier columns that were made from the same objects."""
        makers = self._makers
        for quantity, column in before._made.copy().items():
            if quantity in makers and makers[quantity].equals(before._makers.get(quantity)):
                self._made.setdefault(quantity, column)

    def with_makers(self, makers: Mapping[Quantity, Make]) -> Columns:
        """Return a copy with other makers for these quantities; the other columns are reused."""
        other = Columns({**self._makers, **makers})
        other.keep(self)
        return other

    def _make(self, quantity: Quantity) -> Column:
        return self._made.setdefault(quantity, self._makers[quantity].fold())
