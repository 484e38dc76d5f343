"""A folder of servers that is watched, and servers at their ports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
from aiohttp import web

from fleet.local.record import KEY, RECORD, ServerRecord, to_json
from fleet.local.server import ServerState
from fleet.local.watch import Watcher
from tests.fleet.local.servers import BEGUN

SHARDS = "Loading safetensors checkpoint shards:  50% Completed | 2/4 [00:02<00:02,  1.02s/it]\n"
READY = "INFO:     Application startup complete.\n"
SECRET = "a-key-of-a-node"


@dataclass
class Clock:
    """The time that the watcher believes."""

    now: float = BEGUN + 100

    def __call__(self) -> float:
        return self.now


@dataclass
class Endpoint:
    """An HTTP endpoint at a port."""

    port: int = 0
    health: int = 200
    models: bytes = b'{"data": [{"id": "tiny-chat"}]}'
    key: str = ""
    asked: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    """Keys that it was shown, with the path."""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        authorization = request.headers.get("Authorization", "")
        if authorization:
            self.shown.append(f"{request.path} {authorization}")
        if request.path == "/health":
            return web.Response(status=self.health)
        allowed = not self.key or authorization == f"Bearer {self.key}"
        return web.Response(status=200 if allowed else 401, body=self.models)


Serve = Callable[[Endpoint], Awaitable[Endpoint]]


@dataclass
class Servers:
    """A folder of servers and who watches it."""

    folder: Path
    watcher: Watcher
    clock: Clock

    def add(self, server: ServerRecord, log: str | None = "", key: str = "") -> ServerRecord:
        """Write one down as actions/local does."""
        folder = self.folder / server.name
        folder.mkdir(parents=True, exist_ok=True)
        server = replace(server, folder=str(folder))
        (folder / RECORD).write_bytes(orjson.dumps(to_json(server)))
        if log is not None:
            server.log.write_text(log)
        if key:
            (folder / KEY).write_text(key)
        return server

    async def look(self) -> ServerState:
        """The only server."""
        (found,) = await self.watcher.poll()
        return found
