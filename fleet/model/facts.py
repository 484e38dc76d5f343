"""Facts of further sources: alerts, logs, another cluster.

The Snapshot has fields for what every screen needs. The facts of a further source need none: they are looked up by
type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Generic, TypeVar

from fleet.dataclass import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dated(Generic[T]):
    """Facts and the time at which they were true, so that their age can be shown."""

    at: float
    """Unix time."""
    value: T
    """Immutable: a Snapshot holds it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The last facts of each source that has given any."""

    by_source: Mapping[str, Dated[Any]] = field(default_factory=dict)
    """Facts by the name that the source has in the header."""

    def of(self, kind: type[T]) -> dict[str, Dated[T]]:
        """Return the facts of one type by the name of their source: two Alertmanagers give two."""
        return {name: found for name, found in self.by_source.items() if isinstance(found.value, kind)}


NO_FACTS = Facts()
