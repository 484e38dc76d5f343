"""An engine on loopback that gives the answers of a test and records its requests."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleet.local.process import identify
from fleet.local.record import ServerRecord
from fleet.local.server import Phase, ServerState, StartStage
from fleet.local.spec import LaunchSpec

KEY = "qd-key-of-the-test"


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in small letters."""
    body: Any


class Wire:
    """A connection that answers are written to."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def begin(self, status: int = 200, content_type: str = "text/event-stream") -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n"
        self._writer.write(f"{head}Connection: close\r\n\r\n".encode())
        await self._writer.drain()

    async def send(self, text: str | bytes) -> None:
        content = text.encode() if isinstance(text, str) else text
        self._writer.write(b"%x\r\n%s\r\n" % (len(content), content))
        await self._writer.drain()

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()


Answer = Callable[[Wire], Awaitable[None]]


@dataclass
class Engine:
    """Answers by path; what has no answer is not found."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    """A request was read."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """A client left before its answer had ended."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:]) if name}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.asked.append(Asked(method, path, headers, json.loads(body) if body else None))
            self.came.set()
            answer = asyncio.ensure_future(self.answers.get(path, refuse(404, '{"detail":"Not Found"}'))(Wire(writer)))
            left = asyncio.ensure_future(reader.read(1))
            await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                self.gone.set()
                answer.cancel()
            left.cancel()
            await asyncio.gather(answer, left, return_exceptions=True)
        finally:
            writer.close()


@asynccontextmanager
async def engine() -> AsyncIterator[Engine]:
    """A new one."""
    found = Engine()
    listener = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = listener.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        listener.close()


def refuse(status: int, body: str) -> Answer:
    """An answer that is none."""

    async def answer(wire: Wire) -> None:
        await wire.begin(status, "application/json")
        await wire.send(body)
        await wire.end()

    return answer


def stream(*packets: str | bytes) -> Answer:
    """An answer in these packets."""

    async def answer(wire: Wire) -> None:
        await wire.begin()
        for packet in packets:
            await wire.send(packet)
        await wire.end()

    return answer


def page(text: str) -> Answer:
    """A page of text."""
    return refuse(200, text)


def metrics(running: int = 0, waiting: int = 0) -> Answer:
    """Return a page of vLLM's numbers of requests."""
    numbers = {"running": running, "waiting": waiting}
    return page("".join(f'vllm:num_requests_{name}{{model_name="tiny"}} {n}\n' for name, n in numbers.items()))


def models(name: str = "tiny", longest: int = 1024) -> Answer:
    """Return the answer to ``/v1/models``."""
    return page(json.dumps({"data": [{"id": name, "max_model_len": longest}]}))


def record(folder: Path, port: int, *, executable: str = "vllm", keyed: bool = True, **spec: Any) -> ServerRecord:
    """A server at that port, with its key in its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "key").write_text(KEY)
    fields: dict[str, Any] = {"name": "n1", "model": "/models/tiny", "port": port, "served_model_name": ("tiny",)}
    asked = LaunchSpec(**(fields | spec))
    argv = (executable, "serve", asked.model, "--host", "127.0.0.1", "--port", str(port), *asked.extra)
    return ServerRecord(
        "id-1", asked, identify(os.getpid()), argv, "0.32.0", 100.0, str(folder), keyed=keyed, ready=110.0
    )


def state(server: ServerRecord, phase: Phase = Phase.READY) -> ServerState:
    """Return the state of a server in a phase."""
    return ServerState(server, 200.0, StartStage(phase, 110.0))
