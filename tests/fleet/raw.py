"""A server on loopback without an HTTP library: requests are kept as bytes, answers are sent as bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Say = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Writes an answer."""

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@dataclass
class Wire:
    """Messages that came over the connection."""

    port: int
    lines: list[str] = field(default_factory=list)
    """The request line of each request, as it arrived."""

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def asked(self) -> list[str]:
        """The targets of the request lines."""
        return [line.split(" ")[1] for line in self.lines]


async def say_ok(writer: asyncio.StreamWriter) -> None:
    """An empty object of JSON."""
    writer.write(OK)


@asynccontextmanager
async def wire(say: Say = say_ok) -> AsyncIterator[Wire]:
    """Listens until the end; each connection gets one answer and is closed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            found.lines.append(head.split(b"\r\n")[0].decode("latin-1"))
            await say(writer)
            await writer.drain()
        writer.close()

    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    found = Wire(server.sockets[0].getsockname()[1])
    try:
        yield found
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()
