"""Interfaces between the simulated world and the servers that expose it over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from simulator.clock import Clock


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response of a pod; `delay` is the simulated seconds the pod took to give it."""

    status: int
    content_type: str
    body: bytes
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a container's log, without its newline; `at` is simulated unix time in seconds."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address at which a pod listens; `job` is the Prometheus job that scrapes it (vllm, dcgm)."""

    namespace: str
    pod: str
    ip: str
    port: int
    job: str


class World(Protocol):
    """The simulated fleet behind the API: pods, their servers and their logs."""

    @property
    def clock(self) -> Clock:
        """The time inside the simulation."""

    @property
    def now(self) -> float:
        """Unix time up to which the fleet is simulated: the clock's, or a step behind."""

    def start(self) -> None:
        """Put the initial objects and run the fleet until its queues are alive."""

    def advance(self, now: float) -> None:
        """Simulate up to simulated unix time `now`."""

    def respond(self, namespace: str, pod: str, port: int, method: str, path: str, body: bytes) -> Answer:
        """Return the answer of the pod's HTTP server.

        Raises ConnectionError if nothing listens: no such pod, not running, another port.
        """

    def logs(self, namespace: str, pod: str, container: str | None, previous: bool) -> list[LogLine]:
        """The kept log lines of a container, oldest first; `container` may be None if the pod has one.

        Raises KeyError if there is no such pod or container, or no previous instance of it.
        """

    def endpoints(self) -> Iterable[Endpoint]:
        """Return every address at which something listens now."""

    def write(self, obj: dict[str, Any]) -> None:
        """Store an object that was created or replaced through the API; the controllers see it within a second.

        Missing fields get their defaults, by `simulator.defaults.defaulted`.
        """

    def patch_pod(self, namespace: str, name: str, obj: dict[str, Any]) -> None:
        """Store a pod whose metadata was changed through the API. Raises KeyError if there is none."""

    def delete_pod(self, namespace: str, name: str, *, grace: float | None, reason: str) -> None:
        """End a pod within `grace` seconds (its own, if None), or remove it at once with 0.

        Its object shows that when this returns, with the condition DisruptionTarget if `reason` is
        "EvictionByEvictionAPI"; a second call can only shorten the time. Raises KeyError if there is no such pod.
        """
