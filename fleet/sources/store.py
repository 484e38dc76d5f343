"""Stores that answer PromQL: Prometheus and servers with its query API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from fleet.metrics.dialect import Match


class Store(Protocol):
    """A metrics store. Every method raises SourceProblem; times are Unix times on the store's clock."""

    async def query(self, text: str, at: float | None = None) -> list[Any]:
        """The ``result`` of an instant query, as the HTTP API has it; at its now where no time is given."""
        ...

    async def range(self, text: str, start: float, end: float, step: float) -> list[Any]:
        """The ``result`` of a range query; ``step`` in seconds."""
        ...

    async def now(self) -> float:
        """The store's time."""
        ...


@runtime_checkable
class LimitedStore(Protocol):
    """A store that knows which of its series are this cluster's."""

    within: tuple[Match, ...]


def own_labels(store: Store, configured: Sequence[Match]) -> Sequence[Match]:
    """Return the labels of this cluster's series: the configured ones, else those that the store has found."""
    return configured or (store.within if isinstance(store, LimitedStore) else ())


class NamedStore(NamedTuple):
    """One of the stores of a fleet."""

    name: str
    """Name of the source, as in its status."""
    store: Store
    within: tuple[Match, ...]
    """Labels that all series of this cluster have in it."""
