"""The one client for every request to an API server.

Raw bytes in, raw bytes out: the reflector and the projections interpret them. ``guard`` sees every method and URL
before anything reaches the socket.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from ssl import SSLError
from time import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import orjson

from fleet.dataclass import dataclass
from fleet.guard import Guard, RefusedError, reads_helm_metadata, reads_only
from fleet.model.shown_certificate import ShownCertificate
from fleet.model.snapshot import CLIENT, SERVER
from fleet.net.bodies import BodyError, Inflating, Limit, limits
from fleet.net.early_requests import EarlyRequests
from fleet.net.plain_client import PlainRequest
from fleet.sources.kube.credentials import Login
from fleet.sources.kube.errors import (
    ERROR_BODY_LIMIT,
    UNTRUSTED,
    ForbiddenError,
    KubeconfigError,
    KubeError,
    NotKubernetesError,
    OversizedError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
    error_of_exception,
    error_of_response,
)
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.responses import Response, beginning, cut_off, media_type, read_whole
from fleet.sources.kube.session_renewal import RENEWAL, Link, Links, closed_error

if TYPE_CHECKING:
    import aiohttp

JSON: Final = "application/json"
TEXT: Final = "text/plain"
ANY: Final = "*/*"
METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Media type of a list with only the objects' metadata (Kubernetes API concepts, metadata-only fetches)."""

USER_AGENT = "quarterdeck"
CONCURRENCY = 8
"""Requests under way at once; watches and log streams count only until their headers are here."""
OPEN_TIMEOUT = 30.0
"""Seconds until the headers of a stream are here."""
READ_TIMEOUT = 60.0
"""Seconds for a whole answer: the API server's own limit for non-streaming requests."""

_UNAUTHORIZED = 401
_REVIEWS = (
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
)


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
    """Limit of the body; None for the default."""


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
        early: EarlyRequests | None = None,
    ) -> None:
        """``early`` sends reads while it is open: without the HTTP client, which is then not imported yet."""
        self.access = access
        self.requests = 0
        self.last_ok: float | None = None
        self.last_event: float | None = None
        """Unix time of the last byte of a watch or a log."""
        self._guard = guard
        self._slots = asyncio.Semaphore(concurrency)
        self._links = Links(access, environ, renewal)
        self._early = early

    @property
    def server(self) -> str:
        """Address of the server; never with credentials."""
        return self.access.server

    @property
    def certificates(self) -> tuple[ShownCertificate, ...]:
        """The certificates of the server and of this client, as far as shown; not one that a plugin renews."""
        seen = self._links.seen
        shown = ((SERVER, seen.server), (CLIENT, None if self._links.credentials.from_plugin else seen.client))
        return tuple(ShownCertificate(whose, *dates) for whose, dates in shown if dates is not None)

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

        Raises :class:`ClusterError`.
        """
        return await self._whole(_Request("GET", path, query, accept, total=timeout, limit=limit))

    async def probe(self, path: str, seconds: float, accept: str = JSON) -> Response:
        """Send one GET outside the queue: it shows whether the server is there when other requests hang."""
        return await self._whole(_Request("GET", path, accept=accept, total=seconds), nullcontext())

    async def review(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST a SelfSubject review: reads permissions, changes nothing. Returns the answer's JSON.

        Raises :class:`ClusterError`; ValueError for any other path.
        """
        if path not in _REVIEWS:
            raise ValueError(f"not a review: {path}")
        answer = await self._whole(_Request("POST", path, body=orjson.dumps(body), total=READ_TIMEOUT))
        return answer.json()

    async def helm_metadata(self, path: str, query: Mapping[str, str]) -> Response:
        """Return a list of Helm's Secrets without their content: no other form is requested.

        A server that does not know this form answers 406, and is not asked again. Raises as ``get`` does.
        """
        return await self._whole(_Request("GET", path, query, METADATA, total=READ_TIMEOUT))

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
        """Send any request that the guard allows; ``body`` is sent as JSON, None for none.

        It is sent once: after a broken connection it is unknown whether the server acted. Raises
        :class:`ClusterError`.
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
        """Send a GET whose answer is read as it comes: a watch, a log. Yields its chunks.

        ``idle`` is the longest silence in seconds, None for no limit. Raises :class:`ClusterError` on entering, and
        :class:`UnreachableError` if the connection breaks while it is read; the chunks end when the server ends them.
        """
        if self._early is not None:
            # No later change is missed: a watch continues from the version of the list.
            await self._early.wait_until_over()
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
            cut_off(response)

    def refresh(self) -> None:
        """Renew credentials with the next request that needs it, however short ago that was tried."""
        self._links.refresh()

    async def close(self) -> None:
        """Close the connections; streams under way end."""
        if self._early is not None:
            self._early.end()
        await self._links.close()

    async def _whole(self, request: _Request, slot: AbstractAsyncContextManager[None] | None = None) -> Response:
        async with slot or self._slots:
            if self._early is not None and self._early.open and (answer := await self._ask(request, self._early)):
                return answer
            import aiohttp

            response = await self._send(request)
            try:
                self._check(response, request.accept)
                content = await read_whole(response, request.limit or limits().other)
            except BodyError as error:
                raise OversizedError(f"{self.server} {error.message}: {request.path}", remedy=error.remedy) from error
            except (aiohttp.ClientError, OSError) as error:
                raise error_of_exception(error, self.server) from error
            finally:
                # An answer that was not read to its end is closed, not drained.
                response.release()
        self.last_ok = time()
        return Response(response.status, content, response.content_type, response.headers)

    async def _ask(self, request: _Request, early: EarlyRequests) -> Response | None:
        """Return the answer without the HTTP client; None if that must be used, which also reports what is wrong."""
        introduction = await self._links.introduced()
        if introduction is None:
            return None
        login, context = introduction
        question = PlainRequest(
            request.method,
            self.access.server + request.path + (f"?{urlencode(request.query)}" if request.query else ""),
            self._headers(login, request),
            request.limit or limits().other,
            request.total or READ_TIMEOUT,
            request.body or b"",
            context,
            login.tls.server_name,
        )
        try:
            answer = await early.ask(question)
        except (RefusedError, SSLError):
            return None
        except OSError as error:
            raise error_of_exception(error, self.server) from error
        if answer is None or answer.status == _UNAUTHORIZED:
            return None
        self.requests += 1
        if not 200 <= answer.status < 300:
            raise self._noted(error_of_response(answer.status, answer.headers, answer.body[:ERROR_BODY_LIMIT]))
        content_type = media_type(answer.headers)
        if request.accept == JSON and content_type != JSON:
            return None
        self.last_ok = time()
        return Response(answer.status, answer.body, content_type, answer.headers)

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
        """Send, and retry once with renewed credentials if they or the server's were rejected.

        Returns a 2xx answer with its body unread.
        """
        link = await self._links.connected()
        try:
            return await self._attempt(link, request)
        except (UnauthorizedError, UnreachableError) as error:
            untrusted = isinstance(error, UnreachableError)
            if untrusted and error.reason != UNTRUSTED:
                raise
            renewed = link
            if self._links.credentials.renewable:
                renewed = await self._links.connected(instead_of=link, untrusted=untrusted)
            if renewed is link:
                raise
        return await self._attempt(renewed, request)

    async def _attempt(self, link: Link, request: _Request) -> aiohttp.ClientResponse:
        import aiohttp
        from yarl import URL

        from fleet.sources.kube.session import CONNECT_TIMEOUT, SentFlag

        try:
            url = self._judged(request)
        except RefusedError as error:
            raise ForbiddenError(error.message, reason="ReadOnly", remedy=error.remedy) from None
        if link.session.closed:
            raise closed_error("the credentials were renewed meanwhile")
        self.requests += 1
        sent = SentFlag()
        try:
            response = await link.session.request(
                request.method,
                URL(url, encoded=True),
                data=request.body,
                headers=self._headers(link.login, request),
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
                content = await beginning(response)
            finally:
                response.close()
        except (aiohttp.ClientError, OSError) as error:
            raise error_of_exception(error, self.server, link.through, sent=sent.begun) from error
        except (ValueError, TypeError) as error:
            raise KubeconfigError(
                f"no valid request can be built from the settings of {self.server}: {error}",
                f"Check server, token and impersonation of context {self.access.context!r}.",
            ) from error
        raise self._noted(error_of_response(response.status, response.headers, content))

    def _noted(self, failure: KubeError) -> KubeError:
        """The failure, which may be an answer of an API server all the same."""
        if not isinstance(failure, NotKubernetesError | UnauthorizedError | ServerError):
            self.last_ok = time()
        return failure

    def _judged(self, request: _Request) -> str:
        """The URL that is sent, as it is. Raises RefusedError where the guard refuses it."""
        if not request.path.startswith("/"):
            # Appended to the server's name it would become part of it, or lead elsewhere.
            raise RefusedError(f"{request.method} {request.path!r} was not sent: invalid path")
        url = self.access.server + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        # Requests of this form have a separate guard, which allows nothing else.
        guard = reads_helm_metadata if request.accept == METADATA else self._guard
        guard(request.method, url)
        return url

    def _headers(self, login: Login, request: _Request) -> list[tuple[str, str]]:
        accepted = [("Accept", request.accept), ("Accept-Encoding", "gzip"), ("User-Agent", USER_AGENT)]
        headers = [*accepted, *self._links.credentials.impersonation()]
        if login.authorization:
            headers.append(("Authorization", login.authorization))
        if request.body is not None:
            headers.append(("Content-Type", request.content_type))
        return headers

    def _check(self, response: aiohttp.ClientResponse, accept: str) -> None:
        """Raise :class:`NotKubernetesError` if JSON was requested and something else came."""
        if accept == JSON and response.content_type != JSON:
            response.close()
            raise NotKubernetesError(
                f"{self.server} answered with {response.content_type}, not JSON: a proxy or a login page is in "
                "front of the API server",
                status=response.status,
            )
