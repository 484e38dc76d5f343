"""Reads through the API server."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from console.session.failure import SessionError
from fleet.model.objects import ObjectRef
from fleet.model.problem import SourceProblem
from fleet.sources.kube.errors import ForbiddenError
from fleet.sources.kube.reads import KubeReads
from widgets.log_buffer import LogLine

if TYPE_CHECKING:
    from fleet.model.alerts import MonitoringRule
    from fleet.model.baseline import BaselineQuestion, Baselines
    from fleet.model.curve import Curve, CurveQuestion
    from fleet.model.listing import Listing
    from fleet.monitoring.faults import Examined
    from fleet.timeline.source import TimelineSource
    from fleet.timeline.timeline import Timeline


class PastReader(Protocol):
    """A reader of past numbers. Every method raises SourceProblem."""

    async def curve(self, question: CurveQuestion) -> Curve:
        """A quantity over time."""
        ...

    async def baselines(self, question: BaselineQuestion) -> Baselines:
        """Return quantities at another time."""
        ...


class ClusterReader:
    """An ObjectReader of a cluster. ``named`` are the namespaces in the settings.

    ``past`` returns the reader of the past, and the selected namespace. ``numbers`` and ``examine`` query the metrics
    store; they raise SourceProblem.
    """

    def __init__(
        self,
        reads: KubeReads,
        named: Iterable[str],
        past: Callable[[], tuple[Sequence[TimelineSource], str]],
        numbers: PastReader,
        examine: Callable[[Sequence[MonitoringRule]], Awaitable[Examined]],
    ) -> None:
        self._reads = reads
        self._past = past
        self._numbers = numbers
        self._examine = examine
        self._named = frozenset(named)

    async def namespaces(self, seen: Iterable[str]) -> tuple[str, ...]:
        try:
            return await self._reads.namespaces()
        except ForbiddenError:
            return tuple(sorted(self._named.union(seen)))

    async def describe(self, ref: ObjectRef) -> str:
        from fleet.sources.kube.describe import describe

        raw = await self._reads.get_raw(ref.kind, ref.namespace, ref.name)
        uid = str(raw.get("metadata", {}).get("uid", ""))
        try:
            found = await self._reads.events_of(ref.namespace, uid) if uid else ()
        except ForbiddenError:
            found = ()
        return describe(raw, found, now=time.time())

    async def yaml(self, ref: ObjectRef) -> str:
        from fleet.sources.kube.describe import to_yaml

        return to_yaml(await self._reads.get_raw(ref.kind, ref.namespace, ref.name))

    async def listing(self, name: str, namespace: str) -> Listing:
        return await self._reads.listings.listing(name, namespace)

    async def timeline(self, ref: ObjectRef | None, since: float) -> Timeline:
        from fleet.timeline.timeline import ask

        sources, namespace = self._past()
        found = await ask(sources, since, time.time(), namespace)
        return found if ref is None else found.narrowed_to(ref)

    async def curve(self, question: CurveQuestion) -> Curve:
        try:
            return await self._numbers.curve(question)
        except SourceProblem as problem:
            raise SessionError(problem.message, problem.remedy) from problem

    async def baselines(self, question: BaselineQuestion) -> Baselines:
        try:
            return await self._numbers.baselines(question)
        except SourceProblem as problem:
            raise SessionError(problem.message, problem.remedy) from problem

    async def monitoring(self, rules: Sequence[MonitoringRule]) -> Examined:
        try:
            return await self._examine(rules)
        except SourceProblem as problem:
            raise SessionError(problem.message, problem.remedy) from problem

    async def logs(
        self, pod: ObjectRef, container: str, *, follow: bool, previous: bool, tail: int, since: int
    ) -> AsyncGenerator[LogLine, None]:
        async for line in self._reads.logs(
            pod.namespace,
            pod.name,
            container,
            follow=follow,
            previous=previous,
            tail_lines=tail,
            since_seconds=since or None,
            timestamps=True,
        ):
            yield _stamped(line)


def _stamped(line: str) -> LogLine:
    """A line as the API server stamps it: an RFC 3339 time and a blank in front. A piece of a long line has none."""
    stamp, _, text = line.partition(" ")
    try:
        return LogLine(text, datetime.fromisoformat(stamp).timestamp()) if "T" in stamp else LogLine(line)
    except ValueError:
        return LogLine(line)
