"""Reads of this machine: from the records of its servers, and their logs."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import orjson

from console.session.failure import SessionError
from fleet.local.kube_rows import NAMESPACE, PROCESS, events, revision, status
from fleet.local.record import to_json
from fleet.local.server import ServerState
from fleet.local.source import LocalSource
from fleet.local.tail import PAUSE, Tail
from fleet.model.objects import SAME_CLUSTER, ObjectRef
from fleet.sources.kube.describe import age, to_yaml
from widgets.log_buffer import LogLine

if TYPE_CHECKING:
    from fleet.model.alerts import MonitoringRule
    from fleet.model.baseline import BaselineQuestion, Baselines
    from fleet.model.curve import Curve, CurveQuestion
    from fleet.model.listing import Listing
    from fleet.monitoring.faults import Examined
    from fleet.timeline.source import TimelineSource
    from fleet.timeline.timeline import Timeline


class LocalReader:
    """An ObjectReader of this machine. No value of the environment, and no key, is in it."""

    def __init__(self, source: LocalSource, past: Callable[[], Sequence[TimelineSource]]) -> None:
        self._source = source
        self._past = past

    async def namespaces(self, seen: Iterable[str]) -> tuple[str, ...]:
        del seen
        return (NAMESPACE,)

    async def describe(self, ref: ObjectRef) -> str:
        if ref.kind == "Node":
            return "\n".join(self._machine()) + "\n"
        return "\n".join(_event_lines(self._server(ref), time.time())) + "\n"

    async def yaml(self, ref: ObjectRef) -> str:
        if ref.kind == "Node":
            node = self._source.state().nodes[self._source.host]
            return to_yaml({"kind": "Node", "name": node.name, "gpus": dict(node.gpus), "product": node.gpu_product})
        # Through JSON: YAML has no tuples.
        document = orjson.loads(orjson.dumps(to_json(self._server(ref).record)))
        # Even harmless-looking values may be secrets: the names of variables are enough.
        document["spec"]["env"] = sorted(document["spec"]["env"])
        return to_yaml({"kind": PROCESS, **document})

    async def listing(self, name: str, namespace: str) -> Listing:
        del namespace
        raise SessionError(f"this machine has no {name!r}: it is no cluster", ":local lists its servers")

    async def timeline(self, ref: ObjectRef | None, since: float) -> Timeline:
        from fleet.timeline.timeline import ask

        found = await ask(self._past(), since, time.time())
        return found if ref is None else found.narrowed_to(ref._replace(cluster=SAME_CLUSTER))

    async def monitoring(self, rules: Sequence[MonitoringRule]) -> Examined:
        del rules
        raise SessionError("no rules watch this machine's servers")

    async def curve(self, question: CurveQuestion) -> Curve:
        del question
        raise SessionError("no metrics store has the history of this machine's servers")

    async def baselines(self, question: BaselineQuestion) -> Baselines:
        del question
        raise SessionError("nothing has the history of this machine's servers from other days")

    async def logs(
        self, pod: ObjectRef, container: str, *, follow: bool, previous: bool, tail: int, since: int
    ) -> AsyncGenerator[LogLine, None]:
        """Yield the lines; they carry no time, so ``since`` has no effect."""
        del container, since
        state = self._server(pod)
        if previous:
            raise SessionError(f"{pod.name} has one log: every start begins a new one")
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

    def _server(self, ref: ObjectRef) -> ServerState:
        for state in self._source.servers:
            if ref.kind in ("Pod", PROCESS) and state.name == ref.name:
                return state
        raise SessionError(f"there is no server on this machine called {ref.name}", ":local lists them")

    def _machine(self) -> Iterator[str]:
        state = self._source.state()
        yield _line("Name", self._source.host)
        for resource, count in state.nodes[self._source.host].gpus.items():
            yield _line("GPUs", f"{count} {resource}")
        for server in self._source.servers:
            yield _line("Server", f"{server.name}: {status(server)}")


def _event_lines(state: ServerState, now: float) -> Iterator[str]:
    record, spec = state.record, state.record.spec
    yield _line("Name", record.name)
    yield _line("Status", status(state))
    if state.reason is not None:
        for label, text in (("Reason", state.reason.text), ("Remedy", state.reason.remedy), ("Log", state.reason.line)):
            if text:
                yield _line(label, text)
    yield _line("Model", f"{spec.model}{f' at {spec.revision}' if spec.revision else ''}, served as {spec.served}")
    yield _line("Address", f"{spec.url}{', asks for an API key' if record.keyed else ''}")
    yield _line("vLLM", record.version or "unknown version")
    yield _line("Revision", revision(record))
    yield _line("Process", f"{record.identity.pid}, started {age(now - record.begun)} ago")
    yield _line("Log file", str(record.log))
    yield "Arguments:"
    yield from (f"  {argument}" for argument in record.argv)
    yield _line("Environment", ", ".join(sorted(spec.env)) or "no environment variables of its own")
    yield "Events:"
    yield from (f"  {age(now - e.last):>5}  {e.type:<8} {e.reason:<16} {e.message}" for e in events(state))


def _line(label: str, text: str) -> str:
    return f"{f'{label}:':<18}{text}"
