"""Results kept for as long as the objects that they are made from are the same objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from fleet.snapshot.differences import are_same

V = TypeVar("V")


class Kept(Generic[V]):
    """Values by key. A Snapshot carries on what has not changed as it is, so identity is all that has to be asked.

    It holds on to what it was made from: an identity means something only as long as the object lives.
    """

    def __init__(self) -> None:
        self._made: tuple[tuple[object, ...], dict[str, V]] = ((), {})

    def made_of(self, *of: object) -> dict[str, V]:
        """The values that were made of these objects, for whoever fills them; empty once one of them is another."""
        if not are_same(self._made[0], of):
            self._made = (of, {})
        return self._made[1]

    def get(self, key: str, of: tuple[object, ...], make: Callable[[], V]) -> V:
        """The value of ``key``; made anew after one of the objects ``of`` has been replaced by another."""
        values = self.made_of(*of)
        if key not in values:
            values[key] = make()
        return values[key]
