"""A small client for plain answers: HTTP/1.1, one length or chunks, a bounded body.

When many pods are polled for a page every few seconds, the client is most of the cost: this one, on asyncio's own
transports and llhttp (httptools), takes much less CPU than aiohttp per GET, and next to none to import. It does not
diagnose errors: an answer that is not plain is discarded, and None tells the caller to ask again with a client that
explains what is wrong. Only reads are sent, so that they may be repeated.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from ssl import SSLContext
from typing import Final, NamedTuple, cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpResponseParser

from fleet.guard import Guard, reads_only
from fleet.net.bodies import Body, BodyError, Limit
from fleet.net.headers import sendable

CONNECT_TIMEOUT: Final = 10.0
"""Seconds to a TCP and TLS connection."""
_NEXT_ADDRESS: Final = 0.25
"""Seconds after which the next address of a name is tried in parallel (RFC 8305)."""
_IDLE: Final = 60.0
"""Seconds after which an idle connection is closed: its peer may have disappeared silently."""
_LONGEST_HEAD: Final = 2**16
_ADDRESS = re.compile(r"[0-9.]+|.*:.*")
"""A host that is no name."""
_ONCE: Final = frozenset({"content-length", "transfer-encoding", "content-encoding", "content-type", "connection"})
_FIRST, _LAST = 200, 599
"""The statuses of answers that are not interim ones."""
_BODILESS: Final = frozenset({204, 205, 304})


class NotPlainError(Exception):
    """An answer that is not of the plainest kind."""


class LostConnectionError(NotPlainError):
    """A connection that ended before any of the answer came, as an idle one does after too long."""


class Headers(Mapping[str, str]):
    """The headers of an answer, looked up case-insensitively."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


class PlainResponse(NamedTuple):
    """An answer, whole and decoded."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    keeps: bool = True
    """True if the server keeps the connection for another question."""


class PlainRequest(NamedTuple):
    """A request. ``context``: that of TLS, for https; ``seconds``: for all of it."""

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    limit: Limit
    seconds: float
    body: bytes = b""
    context: SSLContext | None = None
    server_name: str = ""
    """The name in the certificate, if it differs from the one in the URL."""


_Place = tuple[str, SSLContext | None]


class PlainClient:
    """Asks, and keeps the connections for the next question while ``keeps`` is set. Belongs to one event loop."""

    def __init__(self, guard: Guard = reads_only, *, keeps: bool = True) -> None:
        self.keeps = keeps
        self._guard = guard
        self._idle: dict[_Place, list[_Connection]] = {}
        self._tidying: asyncio.TimerHandle | None = None

    async def ask(self, question: PlainRequest) -> PlainResponse | None:
        """Return the answer; None if it is unusual, or the request is not suited to this client.

        Raises RefusedError, OSError if there is no connection, and TimeoutError if it is not complete in time.
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
                        return await self._exchange(kept, question, head)
                    except LostConnectionError:
                        pass
                return await self._exchange(await _connected(question), question, head)
            except (NotPlainError, BodyError):
                return None

    def close(self) -> None:
        """Keep no connection any more."""
        self.keeps = False
        if self._tidying is not None:
            self._tidying.cancel()
            self._tidying = None
        while self._idle:
            for connection in self._idle.popitem()[1]:
                connection.end()

    async def _exchange(self, connection: _Connection, question: PlainRequest, head: bytes) -> PlainResponse:
        kept = False
        try:
            answer = await connection.ask(head + question.body, question.limit)
            kept = self.keeps and answer.keeps
        finally:
            if kept:
                self._keep(connection, _place(question))
            else:
                connection.end()
        return answer

    def _keep(self, connection: _Connection, place: _Place) -> None:
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(place, []).append(connection)
        if self._tidying is None:
            self._tidying = loop.call_later(_IDLE, self._tidy)

    def _tidy(self) -> None:
        """Drop connections that have been idle for long or have ended."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - _IDLE
        for place, idle in [*self._idle.items()]:
            stale = [each for each in idle if not each.open or each.idle_since <= oldest]
            for connection in stale:
                connection.end()
                idle.remove(connection)
            if not idle:
                del self._idle[place]
        self._tidying = loop.call_later(_IDLE, self._tidy) if self._idle else None

    def _kept(self, question: PlainRequest) -> _Connection | None:
        idle = self._idle.get(_place(question))
        while idle:
            connection = idle.pop()
            if connection.open:
                return connection
        return None


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, and perhaps more."""

    def __init__(self) -> None:
        self.open = False
        self.idle_since = 0.0
        """Time of the loop at which its last answer was complete."""
        self._transport: asyncio.Transport
        self._waiting: asyncio.Future[PlainResponse] | None = None
        self._reading: _Reading | None = None

    async def ask(self, request: bytes, limit: Limit) -> PlainResponse:
        """Send a request. Raises NotPlainError."""
        self._reading = _Reading(limit)
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def end(self) -> None:
        """Close it at once: a polite TLS shutdown waits for the other side."""
        self.open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.open = cast("asyncio.Transport", transport), True

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.open = False
        # asyncio's transport references its own method: breaking that cycle frees its 3 kB at once, not at the next
        # collection. Scraping thousands of pods opens thousands of connections each time.
        if hasattr(self._transport, "_read_ready_cb"):
            self._transport._read_ready_cb = None
        if self._reading is not None:
            self._finish(NotPlainError() if self._reading.begun else LostConnectionError())

    def data_received(self, data: bytes) -> None:
        if self._reading is None:
            # Data without a request.
            self.end()
            return
        try:
            answer = self._reading.feed(data)
        except NotPlainError as error:
            self._finish(error)
            return
        if answer is not None:
            self._finish(answer)

    def _finish(self, outcome: PlainResponse | NotPlainError) -> None:
        """Deliver the outcome. An idle connection keeps nothing of its last answer, which may be large."""
        waiting, reading = self._waiting, self._reading
        self._waiting = self._reading = None
        if reading is not None:
            reading.release()
        if waiting is None or waiting.done():
            return
        if isinstance(outcome, PlainResponse):
            waiting.set_result(outcome)
        else:
            waiting.set_exception(outcome)


class _Reading:
    """An answer being read: the parser calls the methods ``on_…``."""

    def __init__(self, limit: Limit) -> None:
        self.begun = False
        """True once any of it has come."""
        self._parser = HttpResponseParser(self)
        self._limit = limit
        self._head = 0
        """Bytes received of its head."""
        self._reason = b""
        self._fields: dict[str, str] = {}
        self._body: Body | None = None
        self._whole = False

    def feed(self, data: bytes) -> PlainResponse | None:
        """The answer, once it is whole. Raises NotPlainError."""
        self.begun = True
        if self._body is None:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
            if self._body is None and self._head > _LONGEST_HEAD:
                raise NotPlainError
            if not self._whole or self._body is None:
                return None
            status, reason = self._parser.get_status_code(), self._reason.decode("latin-1")
            keeps = self._fields.get("connection", "keep-alive").lower() == "keep-alive"
            return PlainResponse(status, reason, Headers(self._fields), self._body.whole(), keeps)
        except (HttpParserError, BodyError) as error:
            raise NotPlainError from error

    def release(self) -> None:
        """Drop the parser, which refers back to this object: the data is then freed at once, without a cycle
        collection.
        """
        del self._parser

    def on_message_begin(self) -> None:
        """An answer begins: an odd one where there has been one already."""
        if self._whole:
            raise NotPlainError

    def on_status(self, reason: bytes) -> None:
        """A piece of the words behind the status has come."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which is odd."""
        named = name.decode("latin-1").lower()
        if self._body is not None or (named in _ONCE and named in self._fields):
            raise NotPlainError
        # None of the repeatable headers is read here.
        self._fields.setdefault(named, value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        """The head is complete: returns whether its body can be read here."""
        status, fields = self._parser.get_status_code(), self._fields
        if self._parser.get_http_version() != "1.1" or not _FIRST <= status <= _LAST or status in _BODILESS:
            raise NotPlainError
        if "transfer-encoding" in fields:
            if fields["transfer-encoding"].lower() != "chunked":
                raise NotPlainError
        elif "content-length" not in fields:
            raise NotPlainError
        self._body = Body(fields.get("content-encoding", ""), self._limit)

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        if self._body is not None:
            self._body.add(piece)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        self._whole = True


async def _connected(question: PlainRequest) -> _Connection:
    parts = urlsplit(question.url)
    host = parts.hostname or ""
    connection = _Connection()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await asyncio.get_running_loop().create_connection(
                lambda: connection,
                host,
                parts.port or (443 if question.context else 80),
                ssl=question.context,
                server_hostname=(question.server_name or None) if question.context else None,
                happy_eyeballs_delay=None if _ADDRESS.fullmatch(host) else _NEXT_ADDRESS,
            )
    except BaseException:
        # The timeout or a cancellation may coincide with the open connection: nothing else would close it.
        if connection.open:
            connection.end()
        raise
    return connection


def _place(question: PlainRequest) -> _Place:
    parts = urlsplit(question.url)
    return f"{parts.scheme}://{parts.netloc}", question.context


def _head(question: PlainRequest, *, keeps: bool) -> bytes | None:
    """Return the request up to its body; None if it is not suited to this client."""
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
    return "\r\n".join([*lines, "", ""]).encode()
