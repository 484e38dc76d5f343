"""The contract of a source of facts with the Observer that shows it.

A source follows its part of the world on tasks of its own from ``start`` to ``close`` and keeps what it heard last.
What reads it changes nothing, returns at once and never raises: troubles are in ``statuses``, which say since when,
how long ago the last good answer was, and what to do. There are three roles. The objects of one cluster and its metrics
make the rows of a Snapshot, whatever number of stores those are measured by; any number of other sources add facts
beside them.
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

    def hurry(self) -> None:
        """A person does not want to wait: ask at the next opportunity, whatever was to be waited for."""
        ...

    async def close(self) -> None:
        """End all that runs and let go of every connection; also where it was never started."""
        ...


class Followed(Source, Protocol):
    """A source that asks, or is told, on its own."""

    async def start(self) -> None:
        """Begin to follow, on the running event loop. Returns at once."""
        ...

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - the answer is not an error
        """Wait until it has said all that it can say for now, which may be why it cannot. False where that took longer
        than ``timeout`` seconds.
        """
        ...


class ObjectSource(Followed, Protocol):
    """The objects that a Snapshot is made of: a cluster's, this machine's, or none and why."""

    def state(self) -> KubeState:
        """The rows now."""
        ...

    def look_at(self, namespace: str) -> None:
        """Another namespace is in view (empty: all)."""
        ...

    def tick(self) -> None:
        """A new look begins: requests are counted from here."""
        ...


class MetricsSource(Source, Protocol):
    """The metrics of those objects. It is asked when its turn comes: whom it asks, the objects say."""

    @property
    def latest(self) -> Measurement | None:
        """The last measurement, however old."""
        ...

    def due(self, state: KubeState, now: float) -> bool:
        """Whether it is time to measure."""
        ...

    def settles_in(self) -> float:
        """Seconds until another measurement would tell more; 0.0 when this is all."""
        ...

    async def measure(self, state: KubeState, pods: frozenset[str] | None, now: float) -> None:
        """Measure once, into ``latest``; ``pods`` are those whose own percentiles are wanted, None for all."""
        ...

    async def remembered(self, latest: Measurement, seconds: float, step: float) -> list[Past]:
        """Return what was in the ``seconds`` before ``latest``, where somebody remembers it."""
        ...

    async def store(self, state: KubeState, now: float) -> Store | None:
        """Return what answers PromQL about the past of these objects; None where nothing does. Of several the first
        that is declared. Raises SourceProblem.
        """
        ...

    async def stores(self, state: KubeState, now: float) -> tuple[NamedStore, ...]:
        """Return all of them, the first declared first. Raises SourceProblem."""
        ...

    async def latency(self, namespace: str, pods: str, seconds: float) -> Latency:
        """The latencies that users felt of late at the pods that match a pattern. Raises SourceProblem."""
        ...


class FactSource(Followed, Protocol):
    """Anything else worth knowing. What it gives is found in ``Snapshot.facts`` by its type."""

    @property
    def name(self) -> str:
        """Name in the header and in the Snapshot; no other source has it."""
        ...

    def facts(self) -> Dated[Any] | None:
        """The last that it heard, however old; None for nothing yet. The same object while nothing changed."""
        ...
