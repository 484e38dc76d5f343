"""The reads that a person asks for: logs, describe, YAML, namespaces; of a cluster, and of this machine."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from typing import Protocol

import orjson

from console.session.failure import SessionError
from fleet.local.node import NodeState
from fleet.local.record import to_json
from fleet.local.rows import NAMESPACE, PROCESS, events, revision, status
from fleet.local.source import LocalSource
from fleet.local.tail import PAUSE, Tail
from fleet.model.objects import ObjectRef
from fleet.sources.kube.describe import age, describe, to_yaml
from fleet.sources.kube.errors import ForbiddenError
from fleet.sources.kube.reads import KubeReads
from widgets.log_buffer import LogLine


class ObjectReader(Protocol):
    """What can be asked of a cluster. Every method raises KubeError, KubeconfigError and SessionError."""

    async def namespaces(self, seen: Iterable[str]) -> tuple[str, ...]:
        """Sorted; ``seen`` are those that are known anyway, for where they may not be listed."""
        ...

    async def describe(self, ref: ObjectRef) -> str:
        """The object and its events as text."""
        ...

    async def yaml(self, ref: ObjectRef) -> str:
        """The object as YAML."""
        ...

    def logs(
        self, namespace: str, pod: str, container: str, *, follow: bool, previous: bool, tail: int, since: int
    ) -> AsyncIterator[LogLine]: ...


class ClusterReader:
    """Through the API server."""

    def __init__(self, reads: KubeReads) -> None:
        self._reads = reads

    async def namespaces(self, seen: Iterable[str]) -> tuple[str, ...]:
        try:
            return await self._reads.namespaces()
        except ForbiddenError:
            return tuple(sorted(set(seen)))

    async def describe(self, ref: ObjectRef) -> str:
        raw = await self._reads.get_raw(ref.kind, ref.namespace, ref.name)
        uid = str(raw.get("metadata", {}).get("uid", ""))
        try:
            found = await self._reads.events_of(ref.namespace, uid) if uid else ()
        except ForbiddenError:
            found = ()
        return describe(raw, found, now=time.time())

    async def yaml(self, ref: ObjectRef) -> str:
        return to_yaml(await self._reads.get_raw(ref.kind, ref.namespace, ref.name))

    async def logs(
        self, namespace: str, pod: str, container: str, *, follow: bool, previous: bool, tail: int, since: int
    ) -> AsyncIterator[LogLine]:
        async for line in self._reads.logs(
            namespace,
            pod,
            container,
            follow=follow,
            previous=previous,
            tail_lines=tail,
            since_seconds=since or None,
            timestamps=True,
        ):
            yield _stamped(line)


class LocalReader:
    """From what was written down of the nodes of this machine. No value of the environment, and no key, is in it."""

    def __init__(self, source: LocalSource) -> None:
        self._source = source

    async def namespaces(self, seen: Iterable[str]) -> tuple[str, ...]:
        del seen
        return (NAMESPACE,)

    async def describe(self, ref: ObjectRef) -> str:
        if ref.kind == "Node":
            return "\n".join(self._machine()) + "\n"
        return "\n".join(_told(self._named(ref), time.time())) + "\n"

    async def yaml(self, ref: ObjectRef) -> str:
        if ref.kind == "Node":
            node = self._source.state().nodes[self._source.host]
            return to_yaml({"kind": "Node", "name": node.name, "gpus": dict(node.gpus), "product": node.gpu_product})
        # Through JSON: YAML has no tuples.
        document = orjson.loads(orjson.dumps(to_json(self._named(ref).record)))
        # Also what looks like no secret may be one: of the environment the names are enough.
        document["spec"]["env"] = sorted(document["spec"]["env"])
        return to_yaml({"kind": PROCESS, **document})

    async def logs(
        self, namespace: str, pod: str, container: str, *, follow: bool, previous: bool, tail: int, since: int
    ) -> AsyncIterator[LogLine]:
        """The lines carry no time of their own, so ``since`` leaves none out."""
        del container, since
        state = self._named(ObjectRef("Pod", namespace, pod))
        if previous:
            raise SessionError(f"{pod} has one log: every start begins a new one")
        reader = Tail(state.record.log)
        last: deque[str] = deque(maxlen=tail)
        while lines := await asyncio.to_thread(reader.read):
            last.extend(lines)
        for line in last:
            yield LogLine(line)
        while follow:
            await asyncio.sleep(PAUSE)
            for line in await asyncio.to_thread(reader.read):
                yield LogLine(line)
        if reader.unfinished:
            yield LogLine(reader.unfinished)

    def _named(self, ref: ObjectRef) -> NodeState:
        for state in self._source.nodes:
            if ref.kind in ("Pod", PROCESS) and state.name == ref.name:
                return state
        raise SessionError(f"no node of this machine is called {ref.name}", ":local shows those that there are")

    def _machine(self) -> Iterator[str]:
        state = self._source.state()
        yield _line("Name", self._source.host)
        for resource, count in state.nodes[self._source.host].gpus.items():
            yield _line("GPUs", f"{count} {resource}")
        for node in self._source.nodes:
            yield _line("Node", f"{node.name}: {status(node)}")


def _told(state: NodeState, now: float) -> Iterator[str]:
    record, spec = state.record, state.record.spec
    yield _line("Name", record.name)
    yield _line("Status", status(state))
    if state.reason is not None:
        for label, text in (("Reason", state.reason.text), ("Remedy", state.reason.remedy), ("Log", state.reason.line)):
            if text:
                yield _line(label, text)
    yield _line("Model", f"{spec.model}{f' at {spec.revision}' if spec.revision else ''}, served as {spec.served}")
    yield _line("Address", f"{spec.url}{', asks for an API key' if record.keyed else ''}")
    yield _line("vLLM", record.version or "did not say its version")
    yield _line("Revision", revision(record))
    yield _line("Process", f"{record.identity.pid}, started {age(now - record.begun)} ago")
    yield _line("Log file", str(record.log))
    yield "Arguments:"
    yield from (f"  {argument}" for argument in record.argv)
    yield _line("Environment", ", ".join(sorted(spec.env)) or "nothing of its own")
    yield "Events:"
    yield from (f"  {age(now - e.last):>5}  {e.type:<8} {e.reason:<16} {e.message}" for e in events(state))


def _line(label: str, text: str) -> str:
    return f"{f'{label}:':<18}{text}"


def _stamped(line: str) -> LogLine:
    """A line as the API server stamps it: an RFC 3339 time and a blank in front. A piece of a long line has none."""
    stamp, _, text = line.partition(" ")
    try:
        return LogLine(text, datetime.fromisoformat(stamp).timestamp()) if "T" in stamp else LogLine(line)
    except ValueError:
        return LogLine(line)
