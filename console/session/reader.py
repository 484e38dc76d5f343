"""The reads that users request: logs, describe, YAML, namespaces."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from console.session.failure import SessionError

if TYPE_CHECKING:
    from fleet.model.alerts import MonitoringRule
    from fleet.model.baseline import BaselineQuestion, Baselines
    from fleet.model.curve import Curve, CurveQuestion
    from fleet.model.listing import Listing
    from fleet.model.objects import ObjectRef
    from fleet.monitoring.faults import Examined
    from fleet.timeline.timeline import Timeline
    from widgets.log_buffer import LogLine


class ObjectReader(Protocol):
    """A reader of the objects in view. Every method raises ClusterError and SessionError."""

    async def namespaces(self, seen: Iterable[str]) -> tuple[str, ...]:
        """Return the namespaces, sorted; ``seen`` are those known otherwise, for use if listing is forbidden."""
        ...

    async def describe(self, ref: ObjectRef) -> str:
        """The object and its events as text."""
        ...

    async def yaml(self, ref: ObjectRef) -> str:
        """The object as YAML."""
        ...

    async def listing(self, name: str, namespace: str) -> Listing:
        """Objects of a resource, by any name that kubectl takes; ``namespace``: empty for all."""
        ...

    async def timeline(self, ref: ObjectRef | None, since: float) -> Timeline:
        """Return the past from ``since`` (Unix time) on, of an object or (None) of everything in view."""
        ...

    async def monitoring(self, rules: Sequence[MonitoringRule]) -> Examined:
        """The rules, held against the series of the metrics store."""
        ...

    async def curve(self, question: CurveQuestion) -> Curve:
        """One quantity of an object over time, from the metrics store."""
        ...

    async def baselines(self, question: BaselineQuestion) -> Baselines:
        """Return quantities of an object at another time, as a baseline."""
        ...

    def logs(
        self, pod: ObjectRef, container: str, *, follow: bool, previous: bool, tail: int, since: int
    ) -> AsyncGenerator[LogLine, None]:
        """Log lines, oldest first; with ``follow`` until it is closed."""
        ...


class NoReader:
    """The reader if there is nothing to read from: every read fails, with the reason."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        self._why = (problem, remedy)

    async def namespaces(self, seen: Iterable[str]) -> tuple[str, ...]:
        del seen
        raise SessionError(*self._why)

    async def describe(self, ref: ObjectRef) -> str:
        del ref
        raise SessionError(*self._why)

    async def yaml(self, ref: ObjectRef) -> str:
        del ref
        raise SessionError(*self._why)

    async def listing(self, name: str, namespace: str) -> Listing:
        del name, namespace
        raise SessionError(*self._why)

    async def timeline(self, ref: ObjectRef | None, since: float) -> Timeline:
        del ref, since
        raise SessionError(*self._why)

    async def monitoring(self, rules: Sequence[MonitoringRule]) -> Examined:
        del rules
        raise SessionError(*self._why)

    async def curve(self, question: CurveQuestion) -> Curve:
        del question
        raise SessionError(*self._why)

    async def baselines(self, question: BaselineQuestion) -> Baselines:
        del question
        raise SessionError(*self._why)

    async def logs(
        self, pod: ObjectRef, container: str, *, follow: bool, previous: bool, tail: int, since: int
    ) -> AsyncGenerator[LogLine, None]:
        del pod, container, follow, previous, tail, since
        raise SessionError(*self._why)
        yield  # noqa: V201 - never reached: it makes this an iterator
