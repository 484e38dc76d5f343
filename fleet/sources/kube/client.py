"""The one place through which every request to an API server goes.

Raw bytes in, raw bytes out: what they mean is for the reflector and the projections. ``guard`` sees every method and
URL before anything reaches the socket.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import orjson

from fleet.guard import Guard, RefusedError, reads_only
from fleet.imports import imported
from fleet.net.bodies import Body, BodyError, Inflating, Limit, limits
from fleet.net.decoding import decoded
from fleet.net.proxies import Proxy
from fleet.sources.kube.credentials import Credentials, Login
from fleet.sources.kube.errors import (
    ERROR_BODY_LIMIT,
    UNTRUSTED,
    ForbiddenError,
    KubeconfigError,
    NotKubernetesError,
    OversizedError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
    error_of_exception,
    error_of_response,
)
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.tls import Tls

if TYPE_CHECKING:
    import aiohttp

JSON: Final = "application/json"
TEXT: Final = "text/plain"
ANY: Final = "*/*"

USER_AGENT = "quarterdeck"
CONCURRENCY = 8
"""Requests under way at once; watches and log streams count only until their headers are here."""
OPEN_TIMEOUT = 30.0
"""Seconds until the headers of a stream are here."""
RENEWAL = 30.0
"""Seconds between two attempts to renew credentials: a plugin may open a browser, so it is not run per request."""
READ_TIMEOUT = 60.0
"""Seconds for a whole answer: the API server's own limit for non-streaming requests."""

_LARGE = 4 * 2**20
"""Bytes from which on an answer is looked at before it is decoded: empty objects take thirty times their text."""
_BYTES_PER_VALUE = 5
"""Of JSON as Kubernetes writes it at least: the densest, managedFields, has some six."""

_REVIEWS = (
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
)


@dataclass(frozen=True, slots=True)
class Response:
    """A 2xx answer."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer; looked up whatever the case of the name."""

    def json(self) -> Any:
        """The body decoded. Raises :class:`NotKubernetesError` for one that is not JSON."""
        return decode(self.body)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str] | None = None
    accept: str = JSON
    body: bytes | None = None
    content_type: str = JSON
    total: float | None = None
    """Seconds for the whole answer."""
    idle: float | None = None
    """Seconds between two chunks of it."""
    limit: Limit | None = None
    """Of the body; None for the one of whatever has none of its own."""


@dataclass(frozen=True, slots=True)
class _Link:
    """A session, and what is shown on it."""

    session: aiohttp.ClientSession
    login: Login
    proxy: Proxy | None

    def made_for(self, tls: Tls, proxy: Proxy | None) -> bool:
        """Whether its connections are made as these say."""
        return (self.login.tls, self.proxy) == (tls, proxy)

    @property
    def through(self) -> str:
        """The proxy in words; empty for none."""
        return self.proxy.shown if self.proxy is not None else ""


class KubeClient:
    """A client of one API server as one user.

    ``last_ok`` is the Unix time of the last answer of any kind that a Kubernetes API server gives.
    """

    def __init__(
        self,
        access: Access,
        *,
        guard: Guard = reads_only,
        environ: Mapping[str, str] = os.environ,
        concurrency: int = CONCURRENCY,
        renewal: float = RENEWAL,
    ) -> None:
        self.access = access
        self.requests = 0
        self.last_ok: float | None = None
        self.last_event: float | None = None
        """Unix time of the last byte of a watch or a log: of something that the server had to read or be told."""
        self._guard = guard
        self._environ = environ
        self._credentials = Credentials(access, environ)
        self._slots = asyncio.Semaphore(concurrency)
        self._connecting = asyncio.Lock()
        self._link: _Link | None = None
        self._left: list[aiohttp.ClientSession] = []
        self._renewal = renewal
        self._next_renewal = 0.0
        self._not_renewed: KubeconfigError | None = None
        self._closed = False

    @property
    def server(self) -> str:
        """Where it is reached; never with credentials."""
        return self.access.server

    async def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        accept: str = JSON,
        timeout: float = READ_TIMEOUT,  # noqa: ASYNC109 -- handed to the HTTP client, which tells connect from read
        limit: Limit | None = None,
    ) -> Response:
        """One GET, read to its end, ``limits().other`` where no limit is given.

        Raises :class:`KubeError` and :class:`KubeconfigError`.
        """
        return await self._whole(_Request("GET", path, query, accept, total=timeout, limit=limit))

    async def probe(self, path: str, seconds: float, accept: str = JSON) -> Response:
        """One GET that does not queue behind the others: finds out whether the server is there when they hang."""
        return await self._whole(_Request("GET", path, accept=accept, total=seconds), nullcontext())

    async def review(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST of a SelfSubject review: asks what is allowed, changes nothing. The answer's JSON.

        Raises :class:`KubeError` and :class:`KubeconfigError`; ValueError for any other path.
        """
        if path not in _REVIEWS:
            raise ValueError(f"not a review: {path}")
        answer = await self._whole(_Request("POST", path, body=orjson.dumps(body), total=READ_TIMEOUT))
        return answer.json()

    async def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        content_type: str = JSON,
        timeout: float = READ_TIMEOUT,  # noqa: ASYNC109 -- handed to the HTTP client
    ) -> Response:
        """Any request, where the guard lets it through; ``body`` is sent as JSON, None for none.

        It is sent once: a connection that breaks leaves open whether the server did it. Raises :class:`KubeError` and
        :class:`KubeconfigError`.
        """
        content = None if body is None else orjson.dumps(body)
        return await self._whole(_Request(method, path, query, body=content, content_type=content_type, total=timeout))

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        accept: str = JSON,
        idle: float | None = None,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """A GET whose answer is read as it comes: a watch, a log. Gives its chunks.

        ``idle`` is the longest silence in seconds, None for no limit. Raises :class:`KubeError` and
        :class:`KubeconfigError` on entering, and :class:`UnreachableError` where the connection breaks while it is
        read; the chunks end where the server ends them.
        """
        async with self._slots:
            try:
                async with asyncio.timeout(OPEN_TIMEOUT):
                    response = await self._send(_Request("GET", path, query, accept, idle=idle))
            except TimeoutError as error:
                raise error_of_exception(error, self.server) from error
        try:
            self._check(response, accept)
            yield self._chunks(response)
        finally:
            _drop(response)

    def hurry(self) -> None:
        """Renew credentials with the next request that needs it, however short ago that was tried."""
        self._next_renewal = 0.0

    async def close(self) -> None:
        """Close the connections; streams under way end."""
        self._closed = True
        if self._link is not None:
            self._left.append(self._link.session)
            self._link = None
        await self._let_go()

    async def _let_go(self) -> None:
        """Close the sessions that are used no more; those that a cancelled request did not get to as well."""
        while self._left:
            session = self._left[-1]
            await session.close()
            # Somebody else may have been here meanwhile.
            if session in self._left:
                self._left.remove(session)

    async def _whole(self, request: _Request, slot: AbstractAsyncContextManager[None] | None = None) -> Response:
        import aiohttp

        async with slot or self._slots:
            response = await self._send(request)
            try:
                self._check(response, request.accept)
                content = await _read(response, request.limit or limits().other)
            except BodyError as error:
                raise OversizedError(f"{self.server} {error.message}: {request.path}", remedy=error.remedy) from error
            except (aiohttp.ClientError, OSError) as error:
                raise error_of_exception(error, self.server) from error
            finally:
                # Whatever was not read to its end is cut off, not read on.
                response.release()
        self.last_ok = time()
        return Response(response.status, content, response.content_type, response.headers)

    async def _chunks(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        import aiohttp

        try:
            inflating = Inflating(response.headers.get("Content-Encoding", ""))
            async for chunk in response.content.iter_any():
                self.last_ok = self.last_event = time()
                for piece in inflating.feed(chunk):
                    yield piece
        except BodyError as error:
            raise OversizedError(f"{self.server} {error.message}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise error_of_exception(error, self.server) from error

    async def _send(self, request: _Request) -> aiohttp.ClientResponse:
        """Send, and once more with renewed credentials where they or the server's are refused.

        A 2xx answer, its body unread.
        """
        link = await self._connected()
        try:
            return await self._attempt(link, request)
        except (UnauthorizedError, UnreachableError) as error:
            untrusted = isinstance(error, UnreachableError)
            if untrusted and error.reason != UNTRUSTED:
                raise
            renewed = link
            if self._credentials.renewable:
                renewed = await self._connected(instead_of=link, untrusted=untrusted)
            if renewed is link:
                raise
        return await self._attempt(renewed, request)

    async def _attempt(self, link: _Link, request: _Request) -> aiohttp.ClientResponse:
        import aiohttp
        from yarl import URL

        from fleet.sources.kube.session import CONNECT_TIMEOUT, Sent

        try:
            url = self._judged(request)
        except RefusedError as error:
            raise ForbiddenError(error.message, reason="ReadOnly", remedy=error.remedy) from None
        if link.session.closed:
            raise _closed("the credentials were renewed meanwhile")
        self.requests += 1
        sent = Sent()
        try:
            response = await link.session.request(
                request.method,
                URL(url, encoded=True),
                data=request.body,
                headers=self._headers(link, request),
                # The token goes to the server of the kubeconfig and nowhere else.
                allow_redirects=False,
                # Inflated in _read and _chunks, where it is bounded.
                auto_decompress=False,
                proxy=link.proxy.url if link.proxy is not None and not link.proxy.socks else None,
                trace_request_ctx=sent,
                server_hostname=link.login.tls.server_name or None,
                timeout=aiohttp.ClientTimeout(
                    total=request.total, sock_connect=CONNECT_TIMEOUT, sock_read=request.idle
                ),
            )
            if 200 <= response.status < 300:
                return response
            try:
                content = await _beginning(response)
            finally:
                response.close()
        except (aiohttp.ClientError, OSError) as error:
            raise error_of_exception(error, self.server, link.through, sent=sent.begun) from error
        except (ValueError, TypeError) as error:
            raise KubeconfigError(
                f"no request can be made of what is set for {self.server}: {error}",
                f"Check server, token and impersonation of context {self.access.context!r}.",
            ) from error
        failure = error_of_response(response.status, response.headers, content)
        if not isinstance(failure, NotKubernetesError | UnauthorizedError | ServerError):
            self.last_ok = time()
        raise failure

    def _judged(self, request: _Request) -> str:
        """The URL that is sent, as it is. Raises RefusedError where the guard refuses it."""
        if not request.path.startswith("/"):
            # Written behind the server's name it would be a part of that, or lead elsewhere.
            raise RefusedError(f"{request.method} {request.path!r} was not sent: that is no path")
        url = self.access.server + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        self._guard(request.method, url)
        return url

    def _headers(self, link: _Link, request: _Request) -> list[tuple[str, str]]:
        accepted = [("Accept", request.accept), ("Accept-Encoding", "gzip"), ("User-Agent", USER_AGENT)]
        headers = [*accepted, *self._credentials.impersonation()]
        if link.login.authorization:
            headers.append(("Authorization", link.login.authorization))
        if request.body is not None:
            headers.append(("Content-Type", request.content_type))
        return headers

    async def _connected(self, instead_of: _Link | None = None, *, untrusted: bool = False) -> _Link:
        """The session; made on the first request, and again when credentials are due or ``instead_of`` was refused.

        ``untrusted``: its authorities do not know the server; their file may have been replaced in place.
        """
        async with self._connecting:
            if self._closed:
                raise _closed("the client is closed")
            link = self._link
            if link is not None and not self._credentials.due and link is not instead_of:
                return link
            if monotonic() < self._next_renewal:
                if self._not_renewed is not None:
                    raise KubeconfigError(self._not_renewed.message, self._not_renewed.remedy)
                if link is not None:
                    return link
            try:
                renewed = await self._made(link, untrusted=untrusted)
            except KubeconfigError as error:
                self._not_renewed = error
                self._next_renewal = monotonic() + self._renewal
                raise
            self._not_renewed = None
            if link is not None:
                self._next_renewal = monotonic() + self._renewal
            if self._closed:
                await renewed.session.close()
                raise _closed("the client is closed")
            self._link = renewed
            if link is not None and link.session is not renewed.session:
                # Streams on the old certificate end here and are taken up again on the new one.
                self._left.append(link.session)
                await self._let_go()
            return renewed

    async def _made(self, link: _Link | None, *, untrusted: bool) -> _Link:
        """With credentials as they are now; on the connections of ``link`` where those are made as before."""
        # The imports take longer than a frame of the screen may.
        await asyncio.to_thread(imported, "fleet.sources.kube.session")
        from fleet.sources.kube.session import UNUSABLE, open_session, proxy_of

        login = await self._credentials.load()
        proxy = proxy_of(self.access, self._credentials.cluster, self._environ)
        if link is not None and not untrusted and not login.tls.from_files and link.made_for(login.tls, proxy):
            return _Link(link.session, login, proxy)
        try:
            return _Link(await open_session(login.tls, proxy), login, proxy)
        except UNUSABLE as error:
            raise KubeconfigError(
                f"the certificates of context {self.access.context!r} cannot be used: {error}",
                f"Check certificate-authority and client-certificate in {self.access.file}; log in again.",
            ) from error

    def _check(self, response: aiohttp.ClientResponse, accept: str) -> None:
        """Raise :class:`NotKubernetesError` where JSON was asked for and something else came."""
        if accept == JSON and response.content_type != JSON:
            response.close()
            raise NotKubernetesError(
                f"{self.server} answered with {response.content_type}, not JSON: "
                "a proxy or a login page stands in front of the API server",
                status=response.status,
            )


async def _read(response: aiohttp.ClientResponse, limit: Limit) -> bytes:
    """The body, decoded. Raises BodyError for one that is larger than its limit, or cannot be decoded."""
    body = Body(response.headers.get("Content-Encoding", ""), limit)
    if (response.content_length or 0) > limit.bytes:
        raise limit.exceeded()
    async for chunk in response.content.iter_any():
        body.add(chunk)
    return body.whole()


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """As much of an error's body as is looked at; nothing of one that cannot be decoded."""
    said = bytearray()
    try:
        inflating = Inflating(response.headers.get("Content-Encoding", ""))
        async for chunk in response.content.iter_any():
            for piece in inflating.feed(chunk):
                said += piece
                if len(said) >= ERROR_BODY_LIMIT:
                    return bytes(said[:ERROR_BODY_LIMIT])
    except BodyError:
        return b""
    return bytes(said)


def _drop(response: aiohttp.ClientResponse) -> None:
    """Let go of a stream at once; closed politely, a TLS connection waits for the other side's farewell."""
    transport = response.connection.transport if response.connection is not None else None
    if transport is not None:
        transport.abort()
    response.close()


def decode(body: bytes) -> Any:
    """JSON decoded. Raises :class:`NotKubernetesError` for anything else, saying how it begins."""
    if len(body) > _LARGE and sum(map(body.count, (b",", b"[", b"{"))) > len(body) // _BYTES_PER_VALUE:
        raise NotKubernetesError("the server's answer is JSON of next to nothing but brackets and commas")
    try:
        return decoded(body)
    except orjson.JSONDecodeError as error:
        start = body[:40].decode("utf-8", "replace")
        raise NotKubernetesError(f"the server's answer is not JSON ({error}); it begins {start!r}") from error


def _closed(message: str) -> UnreachableError:
    """The error of a request that was not sent, because there is nothing to send it with any more."""
    error = UnreachableError(message, reason="closed")
    error.sent = False
    return error
