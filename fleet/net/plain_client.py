"""A small client of plain answers: HTTP/1.1, one length or chunks, a body within its limit.

Where many are asked for a page every few seconds, the client is most of the cost: this one, on asyncio's own
transports, takes half the CPU of aiohttp per GET, and next to none to import. It has no words for what is wrong: of an
answer that is not plain nothing is believed, and None says that a client which has them is to ask again. Only what
reads is asked, so that it may be asked twice.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from ssl import SSLContext
from typing import Final, NamedTuple, cast
from urllib.parse import urlsplit

from fleet.guard import Guard, reads_only
from fleet.net.bodies import Body, BodyError, Limit
from fleet.net.headers import sendable

CONNECT_TIMEOUT: Final = 10.0
"""Seconds to a TCP and TLS connection."""
_NEXT_ADDRESS: Final = 0.25
"""Seconds after which the next address of a name is tried beside the first (RFC 8305)."""
_LONGEST_HEAD: Final = 2**16
_LONGEST_SIZE: Final = 32
"""Bytes of the line that says how long a chunk is."""
_STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: ([^\r\n]*))?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)")
"""A header as RFC 9112 has it, on one line."""
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*")
_LENGTH = re.compile(r"[0-9]{1,12}")
_ADDRESS = re.compile(r"[0-9.]+|.*:.*")
"""A host that is no name."""
_ONCE: Final = frozenset({"content-length", "transfer-encoding", "content-encoding", "content-type", "connection"})
_BODILESS: Final = frozenset({204, 205, 304})


class OddError(Exception):
    """An answer that is not of the plainest kind."""


class LostError(OddError):
    """A connection that ended before any of the answer came: one that was kept for too long does."""


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
    reason: str
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


_Place = tuple[str, SSLContext | None]


class PlainClient:
    """Asks, and keeps the connections for the next question while ``keeps`` is set. Belongs to one event loop."""

    def __init__(self, guard: Guard = reads_only, *, keeps: bool = True) -> None:
        self.keeps = keeps
        self._guard = guard
        self._idle: dict[_Place, list[_Connection]] = {}

    async def ask(self, question: Question) -> Answer | None:
        """The answer; None where it is odd, or the question is nothing for this client.

        Raises RefusedError, OSError where there is no connection, and TimeoutError where it is not whole in time.
        """
        self._guard(question.method, question.url)
        head = _head(question, keeps=self.keeps)
        if head is None:
            return None
        async with asyncio.timeout(question.seconds):
            try:
                kept = self._kept(question)
                if kept is not None:
                    try:
                        return await self._asked(kept, question, head)
                    except LostError:
                        pass
                return await self._asked(await _connected(question), question, head)
            except (OddError, BodyError):
                return None

    def close(self) -> None:
        """Keep no connection any more."""
        self.keeps = False
        while self._idle:
            for connection in self._idle.popitem()[1]:
                connection.end()

    async def _asked(self, connection: _Connection, question: Question, head: bytes) -> Answer:
        kept = False
        try:
            answer = await connection.ask(head + question.body, question.limit)
            kept = self.keeps and answer.headers.get("Connection", "keep-alive").lower() == "keep-alive"
        finally:
            if kept:
                self._idle.setdefault(_place(question), []).append(connection)
            else:
                connection.end()
        return answer

    def _kept(self, question: Question) -> _Connection | None:
        idle = self._idle.get(_place(question))
        while idle:
            connection = idle.pop()
            if connection.open:
                return connection
        return None


class _Connection(asyncio.Protocol):
    """One connection: a question, its answer, and then perhaps another."""

    def __init__(self) -> None:
        self.open = False
        self._transport: asyncio.Transport
        self._waiting: asyncio.Future[Answer] | None = None
        self._limit: Limit
        self._rest = bytearray()
        self._body: _Reading | None = None

    async def ask(self, request: bytes, limit: Limit) -> Answer:
        """Send a request. Raises OddError and BodyError."""
        self._limit, self._body = limit, None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def end(self) -> None:
        """Let go of it at once: closed politely, a TLS connection waits for the other side's farewell."""
        self.open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.open = cast("asyncio.Transport", transport), True

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.open = False
        self._fail(OddError() if self._rest or self._body is not None else LostError())

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            # Nobody has asked for this.
            self.end()
            return
        self._rest += data
        try:
            if self._body is None:
                self._body = _beginning(self._rest, self._limit)
            if self._body is None or not self._body.take(self._rest):
                return
            answer = self._body.answer()
        except (OddError, BodyError) as error:
            self._fail(error)
            return
        if self._rest:
            # More than was asked for.
            self._fail(OddError())
            return
        waiting, self._waiting = self._waiting, None
        if not waiting.done():
            waiting.set_result(answer)

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)


class _Reading:
    """An answer whose body is being read."""

    def __init__(self, status: int, reason: str, fields: Mapping[str, str], limit: Limit) -> None:
        self._status = status, reason
        self._fields = fields
        self._body = Body(fields.get("content-encoding", ""), limit)
        self._chunked = "transfer-encoding" in fields
        self._left = 0
        """Bytes of the body, or of the chunk, that have not come yet; -1 where the end of a chunk has not."""
        self._last = False
        if self._chunked:
            if "content-length" in fields or fields["transfer-encoding"].lower() != "chunked":
                raise OddError
        else:
            length = fields.get("content-length", "")
            if _LENGTH.fullmatch(length) is None or int(length) > limit.bytes:
                raise OddError
            self._left = int(length)

    def answer(self) -> Answer:
        """The answer. Raises BodyError where its body broke off."""
        return Answer(*self._status, Headers(self._fields), self._body.whole())

    def take(self, rest: bytearray) -> bool:
        """Take what has come out of ``rest``; whether that is all. Raises OddError and BodyError."""
        if not self._chunked:
            return self._take_piece(rest)
        while True:
            if self._left == 0 and not self._begin_chunk(rest):
                return False
            if self._left > 0:
                if not self._take_piece(rest):
                    return False
                self._left = -1
            if len(rest) < 2:
                return False
            # The end of a chunk; behind the last, empty one, that of an answer without trailers.
            if rest[:2] != b"\r\n":
                raise OddError
            del rest[:2]
            self._left = 0
            if self._last:
                return True

    def _take_piece(self, rest: bytearray) -> bool:
        piece = bytes(rest[: self._left])
        del rest[: self._left]
        self._left -= len(piece)
        self._body.add(piece)
        return self._left == 0

    def _begin_chunk(self, rest: bytearray) -> bool:
        end = rest.find(b"\r\n", 0, _LONGEST_SIZE)
        if end < 0:
            if len(rest) >= _LONGEST_SIZE:
                raise OddError
            return False
        size = _SIZE.fullmatch(rest, 0, end)
        if size is None:
            raise OddError
        self._left = int(size[1], 16)
        self._last = not self._left
        if self._last:
            self._left = -1
        del rest[: end + 2]
        return True


async def _connected(question: Question) -> _Connection:
    parts = urlsplit(question.url)
    host = parts.hostname or ""
    async with asyncio.timeout(CONNECT_TIMEOUT):
        _, connection = await asyncio.get_running_loop().create_connection(
            _Connection,
            host,
            parts.port or (443 if question.context else 80),
            ssl=question.context,
            server_hostname=(question.server_name or None) if question.context else None,
            happy_eyeballs_delay=None if _ADDRESS.fullmatch(host) else _NEXT_ADDRESS,
        )
    return connection


def _place(question: Question) -> _Place:
    parts = urlsplit(question.url)
    return f"{parts.scheme}://{parts.netloc}", question.context


def _head(question: Question, *, keeps: bool) -> bytes | None:
    """The request up to its body; None for one that is not asked so."""
    parts = urlsplit(question.url)
    plain = parts.scheme == ("http" if question.context is None else "https") and "%" not in parts.netloc
    if not plain or "@" in parts.netloc or not all(sendable(value) for _, value in question.headers):
        return None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{question.method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in question.headers]
    if not keeps:
        lines.append("Connection: close")
    if question.body:
        lines.append(f"Content-Length: {len(question.body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _beginning(rest: bytearray, limit: Limit) -> _Reading | None:
    """Take the head of an answer out of ``rest``; None where it is not whole yet. Raises OddError and BodyError."""
    end = rest.find(b"\r\n\r\n", 0, _LONGEST_HEAD)
    if end < 0:
        if len(rest) >= _LONGEST_HEAD:
            raise OddError
        return None
    first, *lines = bytes(rest[:end]).split(b"\r\n")
    matched = _STATUS.fullmatch(first)
    if matched is None or (status := int(matched[1])) in _BODILESS:
        raise OddError
    reading = _Reading(status, (matched[2] or b"").decode("latin-1"), _fields(lines), limit)
    del rest[: end + 4]
    return reading


def _fields(lines: Sequence[bytes]) -> dict[str, str]:
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
