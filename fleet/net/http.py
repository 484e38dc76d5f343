"""The httpx client of the few calls per engine: each request passes the guard before it reaches a socket.

Answers are bounded in size and time as they arrive: httpx itself would keep and inflate whatever is sent.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from functools import cache
from importlib.util import find_spec

import httpx

from fleet.guard import Guard, reads_only
from fleet.net.bodies import Limit, limits

PATIENCE = 3.0
"""Multiple of the timeout that a whole answer may take: a trickling one never hits the timeout between two bytes."""

if "sniffio" not in sys.modules and find_spec("sniffio") is None:
    # httpcore imports it for each lock of each request, to learn whether trio runs. A module that is not there is
    # searched for in all of the path each time, in a quarter of a millisecond; one that is known not to be, in none.
    sys.modules["sniffio"] = None  # type: ignore[assignment]


class GuardedTransport(httpx.AsyncBaseTransport):
    """Passes every request, redirects included, through ``guard``, and sends it. Raises fleet.guard.RefusedError.

    ``limit`` applies to every body and ``total`` seconds to every answer; None for a stream that its reader bounds.
    """

    def __init__(self, guard: Guard, limit: Limit | None, total: float | None) -> None:
        self._guard = guard
        self._limit = limit
        self._total = total
        # trust_env off: requests to this machine must not go through a proxy.
        self._inner = httpx.AsyncHTTPTransport(trust_env=False, verify=_authorities())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request. Raises httpx.HTTPError, also for a body compressed without being requested."""
        self._guard(request.method, _as_sent(request.url))
        until = None if self._total is None else asyncio.get_running_loop().time() + self._total
        try:
            async with asyncio.timeout_at(until):
                response = await self._inner.handle_async_request(request)
        except TimeoutError as error:
            raise httpx.ReadTimeout("does not finish its answer", request=request) from error
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding.strip().lower() != "identity" or not isinstance(response.stream, httpx.AsyncByteStream):
            # httpx would inflate a whole chunk, without a limit.
            await response.aclose()
            problem = f"answers in the encoding {encoding[:40]!r}, which was not asked for"
            raise httpx.DecodingError(problem, request=request)
        response.stream = _Bounded(response.stream, request, self._limit, until)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _Bounded(httpx.AsyncByteStream):
    """A body as it comes, up to its limit and its end in time."""

    def __init__(
        self, inner: httpx.AsyncByteStream, request: httpx.Request, limit: Limit | None, until: float | None
    ) -> None:
        self._inner = inner
        self._request = request
        self._limit = limit
        self._until = until

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        parts = aiter(self._inner)
        while True:
            try:
                async with asyncio.timeout_at(self._until):
                    part = await anext(parts, None)
            except TimeoutError as error:
                raise httpx.ReadTimeout("does not finish its answer", request=self._request) from error
            if part is None:
                return
            size += len(part)
            if self._limit is not None and size > self._limit.bytes:
                raise httpx.ReadError(self._limit.exceeded().message, request=self._request)
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()


@cache
def _authorities() -> ssl.SSLContext:
    """The authorities that certificates are checked with. Reading them takes 45 ms, so all clients share them."""
    return httpx.create_ssl_context(trust_env=False)


def _as_sent(url: httpx.URL) -> str:
    """Return the URL as the bytes that are sent; ``str(url)`` displays some of them differently."""
    user = f"{url.userinfo.decode('ascii')}@" if url.userinfo else ""
    return f"{url.scheme}://{user}{url.netloc.decode('ascii')}{url.raw_path.decode('ascii')}"


def client(timeout: float, guard: Guard = reads_only, *, stream: bool = False) -> httpx.AsyncClient:
    """Return a client; ``timeout`` in seconds applies to each wait. Close it (``async with``).

    ``stream``: answers are read as they come, for any duration, by a reader that bounds what it keeps.
    """
    limit, total = (None, None) if stream else (limits().other, PATIENCE * timeout)
    return httpx.AsyncClient(
        transport=GuardedTransport(guard, limit, total),
        timeout=timeout,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
    )
