"""The way to a Prometheus API: its address, the credentials, and the guard that sees each request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from urllib.parse import urlsplit, urlunsplit

from fleet.dataclass import dataclass
from fleet.model.problem import SourceProblem
from fleet.sources.prometheus.products import PROMETHEUS, StoreProduct

ProxyFetch = Callable[[str], tuple[int, Mapping[str, str], bytes]]
"""GET of a path (with its query) on the API server: status, headers, body. Called from worker threads.

Raises SourceProblem or OSError when the API server cannot be reached.
"""

PROXIED = "http://kubernetes.invalid"
"""Base of the URLs that go through a ProxyFetch: PrometheusConnect wants one, and this host cannot exist (RFC 6761)."""


@dataclass(frozen=True, slots=True)
class PrometheusEndpoint:
    """The address of a Prometheus API and the credentials for it.

    ``url`` is the base, without /api/v1; with ``proxy`` it is the path of the service proxy. Secrets are read from
    their files at each request, so that rotation is seen.
    """

    url: str
    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify: bool = True
    timeout: float = 10.0
    """Seconds to connect, and then between two bytes of the answer."""
    proxy: ProxyFetch | None = None
    product: StoreProduct = PROMETHEUS
    """The product at this address, for messages."""

    @property
    def base(self) -> str:
        """The URL for requests, without user and password."""
        if self.proxy is not None:
            return f"{PROXIED}/{self.url.strip('/')}"
        parts = urlsplit(self.url if "://" in self.url else f"http://{self.url}")
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))

    @property
    def shown(self) -> str:
        """Name on the screen: no credentials."""
        return self.base.removeprefix(PROXIED) if self.proxy is not None else self.base


def through_loop(
    fetch: Callable[[str], Awaitable[tuple[int, Mapping[str, str], bytes]]],
    loop: asyncio.AbstractEventLoop,
    timeout: float,
) -> ProxyFetch:
    """Return a blocking ProxyFetch made of an asynchronous one that belongs to a running loop; ``timeout`` in seconds.

    Raises SourceProblem (or what ``fetch`` raises) in the worker thread.
    """

    async def bounded(path: str) -> tuple[int, Mapping[str, str], bytes]:
        async with asyncio.timeout(timeout):
            return await fetch(path)

    def call(path: str) -> tuple[int, Mapping[str, str], bytes]:
        try:
            return asyncio.run_coroutine_threadsafe(bounded(path), loop).result()
        except TimeoutError as error:
            raise SourceProblem(f"the API server's proxy does not answer within {timeout:g} s") from error

    return call
