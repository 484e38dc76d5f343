"""A folder of nodes that is watched, and servers at their ports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
from aiohttp import web

from fleet.local.node import NodeState
from fleet.local.record import KEY, RECORD, NodeRecord, to_json
from fleet.local.watching import Watcher
from tests.fleet.local.nodes import BEGUN

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
class Server:
    """Whatever answers at a port."""

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


Serve = Callable[[Server], Awaitable[Server]]


@dataclass
class Nodes:
    """A folder of nodes and who watches it."""

    folder: Path
    watcher: Watcher
    clock: Clock

    def add(self, node: NodeRecord, log: str | None = "", key: str = "") -> NodeRecord:
        """Write one down as actions/local does."""
        folder = self.folder / node.name
        folder.mkdir(parents=True, exist_ok=True)
        node = replace(node, folder=str(folder))
        (folder / RECORD).write_bytes(orjson.dumps(to_json(node)))
        if log is not None:
            node.log.write_text(log)
        if key:
            (folder / KEY).write_text(key)
        return node

    async def look(self) -> NodeState:
        """The only node."""
        (found,) = await self.watcher.look()
        return found
