"""The contract of a source of facts with the Observer that shows it.

A source follows its part of the world on its own tasks from ``start`` to ``close`` and keeps the latest data. Reads
have no side effects, return at once and never raise: failures are in ``statuses``, which include the start of the
failure, the age of the last good answer, and the remedy. There are three roles. The objects of one cluster and its
metrics make the rows of a Snapshot, whatever the number of metrics stores; any number of further sources add facts.
"""

from __future__ import annotations

from typing import Any, Protocol

from fleet.model.facts import Dated
from fleet.model.measurement import Measurement
from fleet.model.past import Latency, Past
from fleet.model.snapshot import SourceStatus
from fleet.sources.kube.state import KubeState
from fleet.sources.store import NamedStore, Store


class Source(Protocol):
    """The common part of all sources."""

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return how it is: a line for each part that can fail on its own."""
        ...

    def refresh(self) -> None:
        """End all waits at the user's request: poll at the next opportunity."""
        ...

    async def close(self) -> None:
        """End all tasks and close every connection; also if it was never started."""
        ...


class Followed(Source, Protocol):
    """A source that polls, or is notified, on its own."""

    async def start(self) -> None:
        """Begin to follow, on the running event loop. Returns at once."""
        ...

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - the answer is not an error
        """Wait until it has delivered all it can for now, which may be an error. False if that took longer than
        ``timeout`` seconds.
        """
        ...


class ObjectSource(Followed, Protocol):
    """The objects that a Snapshot is made of: a cluster's, this machine's, or none and why."""

    def state(self) -> KubeState:
        """The rows now."""
        ...

    def select_namespace(self, namespace: str) -> None:
        """Select another namespace (empty: all)."""
        ...

    def tick(self) -> None:
        """A new look begins: requests are counted from here."""
        ...


class MetricsSource(Source, Protocol):
    """The metrics of those objects. It measures when called: the objects determine its targets."""

    @property
    def latest(self) -> Measurement | None:
        """The last measurement, however old."""
        ...

    def due(self, state: KubeState, now: float) -> bool:
        """True if a measurement is due."""
        ...

    def settles_in(self) -> float:
        """Return the seconds until another measurement would add something; 0.0 if complete."""
        ...

    async def measure(self, state: KubeState, pods: frozenset[str] | None, now: float) -> None:
        """Measure once, into ``latest``; ``pods`` are those whose own percentiles are wanted, None for all."""
        ...

    async def remembered(self, latest: Measurement, seconds: float, step: float) -> list[Past]:
        """Return the ``seconds`` before ``latest``, if a store has them."""
        ...

    async def store(self, state: KubeState, now: float) -> Store | None:
        """Return a store that answers PromQL about these objects' past; None if there is none. With several, the first
        declared. Raises SourceProblem.
        """
        ...

    async def stores(self, state: KubeState, now: float) -> tuple[NamedStore, ...]:
        """Return all of them, the first declared first. Raises SourceProblem."""
        ...

    async def latency(self, namespace: str, pods: str, seconds: float) -> Latency:
        """The latencies that users felt of late at the pods that match a pattern. Raises SourceProblem."""
        ...


class FactSource(Followed, Protocol):
    """A further source. Its facts are looked up in ``Snapshot.facts`` by type."""

    @property
    def name(self) -> str:
        """Name in the header and in the Snapshot; no other source has it."""
        ...

    def facts(self) -> Dated[Any] | None:
        """Return the latest facts, however old; None before the first. The same object while nothing changes."""
        ...
