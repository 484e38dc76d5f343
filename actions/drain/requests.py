"""The requests that a pod still has: read from its engine, else from the last measurement of the fleet."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

from actions.drain.unit import DrainUnit
from actions.running.execution_context import ClusterExecution
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.pods import project_pod
from fleet.sources.scrape.engine_load import EngineProbe

_SPAN = 60.0
"""Seconds over which the rate of completions is taken."""
_APART = 0.5
"""Shortest time between two readings, in seconds: two readings of one scrape only differ by clock noise."""
_TRIES = 3
"""Consecutive failures after which an engine is not polled for a while: an unreachable one costs a whole timeout each
time.
"""
_WHILE = 30.0
"""Seconds until it is polled again."""


class RequestReading(NamedTuple):
    """Number of requests at a moment (Unix time)."""

    at: float
    requests: float


class RequestReader(Protocol):
    """A source of the number of running requests."""

    async def read(self) -> RequestReading | None: ...
    async def close(self) -> None: ...


class EngineRequests:
    """Polls the engine at its address; if that is unreachable, uses the Snapshot's numbers."""

    def __init__(self, unit: DrainUnit, execution: ClusterExecution) -> None:
        self._unit = unit
        self._work = execution
        self._probe: EngineProbe | None = None
        self._failures = 0
        self._not_before = 0.0
        self.problem = ""
        """Reason why nothing can be read; empty if it can."""

    async def read(self) -> RequestReading | None:
        """The latest number; None where there is none. Raises KubeError where the pod cannot be read at first."""
        if self._probe is None:
            front = self._unit.front
            raw = await self._work.reads.get_raw("Pod", front.namespace, front.name)
            self._probe = EngineProbe(project_pod(raw, Interner()), clock=self._work.now)
        if self._work.now() >= self._not_before:
            load = await self._probe.load()
            self.problem = self._probe.problem
            if load is not None:
                self._failures = 0
                return RequestReading(load.at, load.requests)
            self._failures += 1
            if self._failures >= _TRIES:
                self._not_before = self._work.now() + _WHILE
        return measured(self._work.snapshot, self._unit.front.key)

    async def close(self) -> None:
        """Close the connections."""
        if self._probe is not None:
            await self._probe.close()


def measured(snapshot: Snapshot, pod: str) -> RequestReading | None:
    """Return the Snapshot's number for a pod, by its key; None where that is missing or old."""
    running = snapshot.by_pod.get(pod, Quantity.RUNNING)
    waiting = snapshot.by_pod.get(pod, Quantity.WAITING)
    if not running.known or running.state >= State.STALE or snapshot.measured_at is None:
        return None
    return RequestReading(snapshot.measured_at - running.age, running.value + (waiting.value if waiting.known else 0.0))


class DrainRate:
    """Rate at which requests end without new ones, and when the last will."""

    def __init__(self) -> None:
        self._seen: deque[RequestReading] = deque()

    def add(self, seen: RequestReading) -> None:
        """One more look; the same moment again is the same look."""
        if self._seen and seen.at - self._seen[-1].at < _APART:
            return
        self._seen.append(seen)
        while self._seen[-1].at - self._seen[0].at > _SPAN:
            self._seen.popleft()

    @property
    def zeros(self) -> int:
        """Number of consecutive readings without requests, up to the last."""
        found = 0
        for seen in reversed(self._seen):
            if seen.requests > 0:
                break
            found += 1
        return found

    @property
    def eta(self) -> float | None:
        """Seconds until none is left, at the rate of the last minute; None while none has ended."""
        if len(self._seen) < 2:
            return None
        first, last = self._seen[0], self._seen[-1]
        ended = first.requests - last.requests
        if ended <= 0:
            return None
        return last.requests * (last.at - first.at) / ended
