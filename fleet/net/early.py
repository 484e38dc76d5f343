"""The first questions of a program that has just started: asked while its HTTP client is not imported yet.

aiohttp takes as much CPU to import as the sources take to be put together, and somebody looks at an empty screen. So
what is asked first goes over connections of asyncio's own, and only the plainest of answers are taken: HTTP/1.1, one
length or chunks, a body within its limit. Of anything else nothing is believed and nothing is said: it is asked again
of the client, which has the words for it. Only what reads is asked, so that it may be asked twice.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ssl import SSLContext
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from fleet.guard import Guard, reads_only
from fleet.net.bodies import Body, BodyError, Limit
from fleet.net.headers import sendable

OPEN_FOR: Final = 2.0
"""Seconds from the start within which questions are asked so. What is under way then is waited for."""
DRAWING: Final = 0.3
"""Seconds that the first screen with numbers has to be drawn in before the client is imported."""
CONNECT_TIMEOUT: Final = 10.0
"""Seconds to a TCP and TLS connection."""
_BUFFER: Final = 2**18
"""Bytes that wait to be read; a head is smaller."""
_PIECE: Final = 2**16
_STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)")
"""A header as RFC 9112 has it, on one line."""
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*\r\n")
_LENGTH = re.compile(r"[0-9]{1,12}")
_ONCE: Final = frozenset({"content-length", "transfer-encoding", "content-encoding", "content-type", "connection"})
_BODILESS: Final = frozenset({204, 205, 304})


class OddError(Exception):
    """An answer that is not of the plainest kind."""


class Headers(Mapping[str, str]):
    """The headers of an answer, looked up whatever the case of the name."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


class Answer(NamedTuple):
    """An answer, whole and decoded."""

    status: int
    headers: Headers
    body: bytes


class Question(NamedTuple):
    """A request. ``context``: that of TLS, for https; ``seconds``: for all of it."""

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    limit: Limit
    seconds: float
    body: bytes = b""
    context: SSLContext | None = None
    server_name: str = ""
    """The name in the certificate, where it is not the one in the URL."""


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class EarlyQuestions:
    """Asks until the first numbers are on the screen, ``seconds`` at most. Belongs to one event loop, which runs."""

    def __init__(self, guard: Guard = reads_only, seconds: float = OPEN_FOR) -> None:
        self._guard = guard
        self._idle: dict[tuple[str, SSLContext | None], list[_Connection]] = {}
        self._over = asyncio.Event()
        self._ending = asyncio.get_running_loop().call_later(seconds, self.end)

    @property
    def open(self) -> bool:
        """Whether questions are still asked so."""
        return not self._over.is_set()

    def answered(self) -> None:
        """End soon: there are numbers, and a moment to draw them in."""
        if self.open:
            self._ending.cancel()
            self._ending = asyncio.get_running_loop().call_later(DRAWING, self.end)

    def end(self) -> None:
        """The client asks from now on."""
        self._ending.cancel()
        self._over.set()
        while self._idle:
            for _, writer in self._idle.popitem()[1]:
                writer.close()

    async def over(self) -> None:
        """Wait for the end: what brings the client with it can wait until then."""
        await self._over.wait()

    async def ask(self, question: Question) -> Answer | None:
        """The answer; None where the client is to ask, because this is over or the answer is odd.

        Raises RefusedError, OSError where there is no connection, and TimeoutError where it is not whole in time.
        """
        self._guard(question.method, question.url)
        head = _head(question)
        if not self.open or head is None:
            return None
        async with asyncio.timeout(question.seconds):
            connection = await self._connected(question)
            kept = False
            try:
                connection[1].write(head + question.body)
                answer = await _answer(connection[0], question.limit)
                kept = answer.headers.get("Connection", "keep-alive").lower() == "keep-alive"
            except (OddError, BodyError, OSError, EOFError, asyncio.LimitOverrunError):
                return None
            finally:
                self._let_go(question, connection, kept=kept)
        return answer

    async def _connected(self, question: Question) -> _Connection:
        idle = self._idle.get(_place(question))
        while idle:
            reader, writer = idle.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            writer.close()
        parts = urlsplit(question.url)
        secure = {"ssl": question.context, "server_hostname": question.server_name or None} if question.context else {}
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await asyncio.open_connection(
                parts.hostname,
                parts.port or (443 if secure else 80),
                limit=_BUFFER,
                happy_eyeballs_delay=0.25,
                **secure,  # type: ignore[arg-type] # two of its arguments by name
            )

    def _let_go(self, question: Question, connection: _Connection, *, kept: bool) -> None:
        if kept and self.open:
            self._idle.setdefault(_place(question), []).append(connection)
        else:
            # Nothing is awaited: a TLS server that says no farewell would hold up whoever asked.
            with suppress(OSError):
                connection[1].close()


def _place(question: Question) -> tuple[str, SSLContext | None]:
    parts = urlsplit(question.url)
    return f"{parts.scheme}://{parts.netloc}", question.context


def _head(question: Question) -> bytes | None:
    """The request up to its body; None for one that is not asked so."""
    parts = urlsplit(question.url)
    plain = parts.scheme == ("http" if question.context is None else "https") and "%" not in parts.netloc
    if not plain or "@" in parts.netloc or not all(sendable(value) for _, value in question.headers):
        return None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{question.method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in question.headers]
    if question.body:
        lines.append(f"Content-Length: {len(question.body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _answer(reader: asyncio.StreamReader, limit: Limit) -> Answer:
    """Raises OddError, BodyError and what a stream raises that breaks off."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
    matched = _STATUS.fullmatch(first)
    if matched is None or (status := int(matched[1])) in _BODILESS:
        raise OddError
    fields = _fields(lines)
    body = Body(fields.get("content-encoding", ""), limit)
    if "transfer-encoding" in fields:
        if "content-length" in fields or fields["transfer-encoding"].lower() != "chunked":
            raise OddError
        await _read_chunks(reader, body)
    else:
        length = fields.get("content-length", "")
        if _LENGTH.fullmatch(length) is None or int(length) > limit.bytes:
            raise OddError
        await _read(reader, int(length), body)
    return Answer(status, Headers(fields), body.whole())


def _fields(lines: list[bytes]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise OddError
        name, value = field[1].decode("ascii").lower(), field[2].decode("latin-1").rstrip(" \t")
        if name in _ONCE and name in fields:
            raise OddError
        # Of those that may come twice none is looked at here.
        fields.setdefault(name, value)
    return fields


async def _read(reader: asyncio.StreamReader, length: int, body: Body) -> None:
    while length:
        piece = await reader.read(min(length, _PIECE))
        if not piece:
            raise OddError
        body.add(piece)
        length -= len(piece)


async def _read_chunks(reader: asyncio.StreamReader, body: Body) -> None:
    while True:
        size = _CHUNK.fullmatch(await reader.readuntil(b"\r\n"))
        if size is None:
            raise OddError
        length = int(size[1], 16)
        await _read(reader, length, body)
        # The end of a chunk; behind the last, empty one, that of an answer without trailers.
        if await reader.readexactly(2) != b"\r\n":
            raise OddError
        if not length:
            return
