"""The aiohttp session of an API server's client: TLS, connections, the proxy, and whether a request went out."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import aiohttp

from fleet.imports import imported
from fleet.net.plain_client import CONNECT_TIMEOUT as CONNECT_TIMEOUT
from fleet.net.proxies import Proxy
from fleet.sources.kube.tls import SeenCertificates, Tls, context_of

CONNECTIONS = 100
"""Largest number of connections to one server: each watch occupies one."""
BUFFER = 2**21
"""Bytes of a stream that may wait to be read: events of a watch are larger than aiohttp's default."""


class SentFlag:
    """Flag of one request, set once anything of it may have left for the server."""

    def __init__(self) -> None:
        self.begun = False


async def open_session(tls: Tls, proxy: Proxy | None, seen: SeenCertificates | None = None) -> aiohttp.ClientSession:
    """Open a session with these certificates. Raises ssl.SSLError, OSError and ValueError if they cannot be used."""
    # aiohttp's own context trusts the system's authorities, which suffices without TLS settings.
    context = True if tls == Tls() else await asyncio.to_thread(context_of, tls, seen)
    options: dict[str, Any] = {"limit": CONNECTIONS, "ssl": context}
    if proxy is not None and proxy.socks:
        # Few use one, and its library is expensive to import.
        socks = await asyncio.to_thread(imported, "fleet.sources.kube.socks")
        connector = socks.SocksConnector(proxy, **options)
    else:
        connector = aiohttp.TCPConnector(**options)
    # The environment is read by our own rules: aiohttp's would send loopback through a proxy.
    return aiohttp.ClientSession(connector=connector, trust_env=False, read_bufsize=BUFFER, trace_configs=[_tracing()])


def _tracing() -> aiohttp.TraceConfig:
    """Record the moment before the first byte of a request: until then nothing can have reached the server."""

    async def begun(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
        del session, params
        sent = context.trace_request_ctx
        if isinstance(sent, SentFlag):
            sent.begun = True

    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(begun)
    return tracing
