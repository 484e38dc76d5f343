"""The kubelet's and pod network's part: container logs, and the proxy to pods and services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from simulator.api import errors
from simulator.api.columns import unix
from simulator.api.requests import Target
from simulator.interfaces import Answer, LogLine, World
from simulator.store import Store

Obj = dict[str, Any]
_FOLLOW_EVERY = 0.1
"""Real seconds between two polls of a followed log."""


class PodServer:
    """Answers for the pods of a world."""

    def __init__(self, store: Store, world: World) -> None:
        self._store = store
        self._world = world

    def log(self, pod: Obj, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Return the log of a container, line by line; it continues with `follow`. Raises ApiError 400."""
        previous, follow = _true(query, "previous"), _true(query, "follow")
        container = _container(pod, query.get("container", ""), previous=previous)
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        try:
            lines = self._world.logs(namespace, name, container, previous)
        except KeyError:
            raise errors.bad_request(
                f'previous terminated container "{container}" in pod "{name}" not found'
                if previous
                else f'container "{container}" in pod "{name}" is not available'
            ) from None
        kept = _selected(lines, query, self._world.clock.now())
        position = _Position(lines)
        limit = _number(query, "limitBytes")
        stamps = _true(query, "timestamps")

        async def stream() -> AsyncIterator[bytes]:
            left = limit
            pending = kept
            while True:
                for line in pending:
                    text = (f"{_nanoseconds(line.at)} " if stamps else "") + line.text + "\n"
                    data = text.encode()
                    if left is not None:
                        data = data[:left]
                        left -= len(data)
                    yield data
                    if left == 0:
                        return
                if not follow:
                    return
                await asyncio.sleep(_FOLLOW_EVERY)
                try:
                    pending = position.new(self._world.logs(namespace, name, container, False))
                except KeyError:
                    return

        return stream()

    async def proxy(self, target: Target, method: str, path: str, body: bytes) -> Answer:
        """Return the answer of the pod, or of a ready pod of the service. Raises ApiError 404 and 503."""
        _, name, port = _authority(target.name)
        if target.resource == "services":
            pod, number = self._backend(target.namespace, name, port)
        else:
            found = self._store.get("v1", "Pod", target.namespace, name)
            if found is None:
                raise errors.not_found("pods", "", name)
            pod, number = name, _port(found, port)
        try:
            answer = self._world.respond(target.namespace, pod, number, method, path, body)
        except ConnectionError:
            address = (self._store.get("v1", "Pod", target.namespace, pod) or {}).get("status", {}).get("podIP")
            raise errors.unreachable(f"{address}:{number}") from None
        await asyncio.sleep(answer.delay / self._world.clock.speed)
        return answer

    def _backend(self, namespace: str, name: str, port: str) -> tuple[str, int]:
        """A ready pod of a service and the port that it listens on."""
        service = self._store.get("v1", "Service", namespace, name)
        if service is None:
            raise errors.not_found("services", "", name)
        ports = service["spec"].get("ports", ())
        wanted = [p for p in ports if not port or port in (p.get("name"), str(p["port"]))]
        if not wanted:
            raise errors.ApiError(503, "ServiceUnavailable", f'no service port "{port}" found for service "{name}"')
        for piece in self._store.list("discovery.k8s.io/v1", "EndpointSlice", namespace):
            if piece["metadata"].get("labels", {}).get("kubernetes.io/service-name") != name:
                continue
            for endpoint in piece.get("endpoints") or ():
                pod = (endpoint.get("targetRef") or {}).get("name", "")
                found = self._store.get("v1", "Pod", namespace, pod)
                if endpoint["conditions"].get("ready") and found:
                    return pod, _port(found, str(wanted[0].get("targetPort", wanted[0]["port"])))
        raise errors.ApiError(503, "ServiceUnavailable", f'no endpoints available for service "{name}"')


class _Position:
    """The position of a reader in a log; lines with the same time are distinguished by their number."""

    def __init__(self, lines: list[LogLine]) -> None:
        self._at = lines[-1].at if lines else float("-inf")
        self._seen = sum(line.at == self._at for line in lines)

    def new(self, lines: list[LogLine]) -> list[LogLine]:
        """The lines that were not there at the last look."""
        same = [line for line in lines if line.at == self._at][self._seen :]
        fresh = same + [line for line in lines if line.at > self._at]
        if fresh:
            self._at = fresh[-1].at
            self._seen = sum(line.at == self._at for line in lines)
        return fresh


def _container(pod: Obj, asked: str, *, previous: bool) -> str:
    """The name of the container; 400 in the API server's words where it has no log to give."""
    name = pod["metadata"]["name"]
    containers = [c["name"] for c in pod["spec"]["containers"]]
    if not asked and len(containers) > 1:
        choices = " ".join(containers)
        raise errors.bad_request(f"a container name must be specified for pod {name}, choose one of: [{choices}]")
    chosen = asked or containers[0]
    if chosen not in containers:
        raise errors.bad_request(f"container {chosen} is not valid for pod {name}")
    statuses = pod.get("status", {}).get("containerStatuses", ())
    state: Obj = next((s for s in statuses if s["name"] == chosen), {})
    waiting = state.get("state", {}).get("waiting")
    if not previous and waiting and not state.get("lastState", {}).get("terminated"):
        reason = waiting.get("reason", "ContainerCreating")
        raise errors.bad_request(f'container "{chosen}" in pod "{name}" is waiting to start: {reason}')
    if previous and not state.get("lastState", {}).get("terminated"):
        raise errors.bad_request(f'previous terminated container "{chosen}" in pod "{name}" not found')
    return str(chosen)


def _selected(lines: list[LogLine], query: Mapping[str, str], now: float) -> list[LogLine]:
    seconds, tail = _number(query, "sinceSeconds"), _number(query, "tailLines")
    try:
        start = unix(query.get("sinceTime"))
    except ValueError:
        raise errors.bad_request(f"invalid sinceTime: {query['sinceTime']!r}") from None
    if seconds is not None:
        start = now - seconds
    kept = [line for line in lines if start is None or line.at >= start]
    return kept if tail is None else kept[max(0, len(kept) - tail) :]


def _nanoseconds(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def _true(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "") not in ("", "0", "false")


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise errors.bad_request(f'{name}: invalid value "{text}": must be an integer not below 0')
    return int(text)


def _authority(text: str) -> tuple[str, str, str]:
    """Scheme, name and port of `[scheme:]name[:port]`."""
    parts = text.split(":")
    if len(parts) == 3:
        return parts[0], parts[1], parts[2]
    return "", parts[0], parts[1] if len(parts) == 2 else ""


def _port(pod: Obj, asked: str) -> int:
    """The number of a container port: given, by name, or the first that the pod declares."""
    if asked.isdecimal():
        return int(asked)
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", ())]
    found = [port["containerPort"] for port in ports if not asked or port.get("name") == asked]
    return int(found[0]) if found else 80
