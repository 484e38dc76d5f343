"""Results cached while their input objects are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from fleet.model.differences import are_same

V = TypeVar("V")


class IdentityCache(Generic[V]):
    """Values by key. A Snapshot shares unchanged parts with the previous one, so inputs are compared by identity.

    The inputs are kept alive: an identity is only meaningful while the object lives.
    """

    def __init__(self) -> None:
        self._made: tuple[tuple[object, ...], dict[str, V]] = ((), {})

    def made_of(self, *of: object) -> dict[str, V]:
        """Return the values made from these objects, to be filled; emptied once one of the objects changes."""
        if not are_same(self._made[0], of):
            self._made = (of, {})
        return self._made[1]

    def get(self, key: str, of: tuple[object, ...], make: Callable[[], V]) -> V:
        """Return the value of ``key``; made again after one of the objects ``of`` has been replaced."""
        values = self.made_of(*of)
        if key not in values:
            values[key] = make()
        return values[key]
