"""A fleet of two pods behind the simulated API server, and a client for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from simulator.api import rbac
from simulator.api.resources import RESOURCES, Resource
from simulator.api.server import ApiServer
from simulator.interfaces import Answer, Endpoint, LogLine
from simulator.store import Store

Obj = dict[str, Any]
START = 1_790_000_000.0
TOKENS = {f"token-of-{name}": user for name, user in rbac.USERS.items()}


@dataclass
class HandClock:
    """Time that stands still until a test moves it."""

    at: float = START
    speed: float = 1.0

    def now(self) -> float:
        return self.at


@dataclass
class TinyWorld:
    """Answers for pods by their names."""

    clock: HandClock = field(default_factory=HandClock)
    lines: dict[tuple[str, str, bool], list[LogLine]] = field(default_factory=dict)
    asked: list[tuple[str, str, int, str, str, bytes]] = field(default_factory=list)
    written: list[Obj] = field(default_factory=list)
    patched: list[tuple[str, str, Obj]] = field(default_factory=list)
    deleted: list[tuple[str, str, float | None, str]] = field(default_factory=list)

    @property
    def now(self) -> float:
        return self.clock.now()

    def start(self) -> None:
        """Nothing to start."""

    def advance(self, now: float) -> None:
        self.clock.at = now

    def respond(self, namespace: str, pod: str, port: int, method: str, path: str, body: bytes) -> Answer:
        self.asked.append((namespace, pod, port, method, path, body))
        if port != 8000:
            raise ConnectionError
        return Answer(200, "text/plain", f"{pod} answers {method} {path}".encode())

    def logs(self, namespace: str, pod: str, container: str | None, previous: bool) -> list[LogLine]:
        if container not in (None, "vllm"):
            raise KeyError(container)
        return list(self.lines[namespace, pod, previous])

    def endpoints(self) -> Iterable[Endpoint]:
        return ()

    def write(self, obj: Obj) -> None:
        self.written.append(obj)

    def patch_pod(self, namespace: str, name: str, obj: Obj) -> None:
        self.patched.append((namespace, name, obj))

    def delete_pod(self, namespace: str, name: str, *, grace: float | None, reason: str) -> None:
        self.deleted.append((namespace, name, grace, reason))


def pod(name: str, namespace: str = "llm", **changes: Any) -> Obj:
    """A running pod with one container; `changes` replace or add top-level parts of it."""
    made: Obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "chat"}},
        "spec": {
            "nodeName": "gpu-0",
            "containers": [{"name": "vllm", "image": "vllm:v1", "ports": [{"name": "http", "containerPort": 8000}]}],
        },
        "status": {
            "phase": "Running",
            "podIP": "127.77.0.2",
            "containerStatuses": [
                {"name": "vllm", "ready": True, "restartCount": 0, "state": {"running": {}}, "lastState": {}}
            ],
        },
    }
    metadata = made["metadata"] | changes.pop("metadata", {})
    return made | changes | {"metadata": metadata}


@dataclass
class Client:
    """Speaks to the server as one of its users."""

    session: aiohttp.ClientSession
    base: str

    async def send(
        self,
        path: str,
        user: str = "admin",
        *,
        method: str = "GET",
        body: Any = None,
        accept: str = "application/json",
        **query: str,
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, body (parsed where it is JSON) and headers of an answer."""
        headers = {"Accept": accept}
        if user:
            headers["Authorization"] = f"Bearer token-of-{user}"
        async with self.session.request(method, self.base + path, params=query, json=body, headers=headers) as response:
            text = await response.text()
            parsed = json.loads(text) if "json" in response.content_type and text else text
            return response.status, parsed, {k.lower(): v for k, v in response.headers.items()}

    async def get(self, path: str, user: str = "admin", **query: str) -> Any:
        """The JSON of a successful GET."""
        status, body, _ = await self.send(path, user, **query)
        assert status == 200, body
        return body

    @asynccontextmanager
    async def stream(self, path: str, user: str = "admin", **query: str) -> AsyncIterator[Stream]:
        """An open watch or followed log."""
        headers = {"Authorization": f"Bearer token-of-{user}"}
        async with self.session.get(self.base + path, params=query, headers=headers) as response:
            assert response.status == 200, await response.text()
            yield Stream(response)


@dataclass
class Stream:
    """The lines of an answer that goes on."""

    response: aiohttp.ClientResponse

    async def line(self) -> str:
        return (await self.response.content.readline()).decode()

    async def event(self) -> tuple[str, Obj]:
        """The next watch event: type and object."""
        event = json.loads(await self.line())
        return event["type"], event["object"]

    async def rest(self) -> list[Obj]:
        """Every event until the server ends the watch."""
        return [json.loads(line) async for line in self.response.content]


@dataclass
class Server:
    """A running server with what is behind it."""

    api: ApiServer
    store: Store
    world: TinyWorld
    client: Client


@asynccontextmanager
async def serving(
    *,
    version: int = 1000,
    window: int = 4096,
    tokens: dict[str, rbac.User] | None = None,
    resources: Sequence[Resource] = RESOURCES,
    bookmark_every: float = 60.0,
    roles: bool = True,
) -> AsyncIterator[Server]:
    """An API server on a loopback port that was free, with the simulator's roles, at resourceVersion `version`."""
    world = TinyWorld()
    bound = list(rbac.objects("llm")) if roles else []
    store = Store(world.clock.now, version=version - len(bound), window=window)
    for obj in bound:
        store.put(obj)
    api = ApiServer(store, world, tokens or TOKENS, resources=resources, bookmark_every=bookmark_every)
    runner = web.AppRunner(api.app(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with aiohttp.ClientSession() as session:
            yield Server(api, store, world, Client(session, f"http://{host}:{port}"))
    finally:
        await runner.cleanup()
