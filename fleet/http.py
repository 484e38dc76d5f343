"""The httpx client of the few calls per engine: each request asks the guard before it reaches a socket."""

from __future__ import annotations

import httpx

from fleet.door import Guard, reads_only


class GuardedTransport(httpx.AsyncBaseTransport):
    """Asks ``guard`` about every request, redirects included, and hands it on. Raises fleet.door.RefusedError."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        # trust_env off: what is asked for on this machine must not travel through a proxy.
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        self._guard(request.method, _as_sent(request.url))
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _as_sent(url: httpx.URL) -> str:
    """The URL of the very bytes that go out; ``str(url)`` shows some of them in another way."""
    user = f"{url.userinfo.decode('ascii')}@" if url.userinfo else ""
    return f"{url.scheme}://{user}{url.netloc.decode('ascii')}{url.raw_path.decode('ascii')}"


def client(timeout: float, guard: Guard = reads_only) -> httpx.AsyncClient:
    """A client; ``timeout`` in seconds holds for each wait. Close it (``async with``)."""
    return httpx.AsyncClient(transport=GuardedTransport(guard), timeout=timeout, trust_env=False)
