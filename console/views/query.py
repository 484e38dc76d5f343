"""The query of a table: filter, sorting, and whether usually hidden rows are included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import overload

from console.views.filter import EVERYTHING, Filter
from fleet.dataclass import dataclass
from widgets.grid import Alike, Sort


@dataclass(frozen=True, slots=True)
class Query:
    """``sort`` is None for worst first."""

    filter: Filter = EVERYTHING
    sort: Sort | None = None
    others: bool = False
    """Show workloads that serve no model, too."""

    def sorted_by(self, column: str) -> Query:
        """Return the query sorted by another column, by the same one in the other direction, or (empty) worst first.

        Names are sorted from A to Z, numbers from the largest.
        """
        if not column:
            return replace(self, sort=None)
        if self.sort is not None and self.sort.column == column:
            return replace(self, sort=Sort(column, not self.sort.descending))
        return replace(self, sort=Sort(column, column != "name"))


def by_number(keys: Iterable[str], value: Callable[[str], float], *, descending: bool) -> list[str]:
    """Return keys sorted by a number; those without one come last in either direction."""
    numbers = {key: value(key) for key in keys}
    known = [key for key, number in numbers.items() if number == number]
    known.sort(key=numbers.__getitem__, reverse=descending)
    return known + [key for key, number in numbers.items() if number != number]


class LazyKeys(Sequence[str]):
    """Keys whose order is computed on access: of 5,000 pods a screen shows fifty."""

    def __init__(self, keys: Sequence[str], order: Callable[[Sequence[str]], Sequence[str]]) -> None:
        self._keys = keys
        self._order = order

    @cached_property
    def _ordered(self) -> Sequence[str]:
        return self._order(self._keys)

    @cached_property
    def _members(self) -> frozenset[str]:
        return frozenset(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._ordered)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._ordered[index]


class LazyAlike(Iterable[Alike]):
    """Keys that are alike, found when they are asked for: only the pods of open workloads are compared."""

    def __init__(self, keys: Sequence[str], find: Callable[[Sequence[str]], Sequence[Alike]]) -> None:
        self._keys = keys
        self._find = find

    @cached_property
    def _found(self) -> Sequence[Alike]:
        return self._find(self._keys)

    def __iter__(self) -> Iterator[Alike]:
        return iter(self._found)
