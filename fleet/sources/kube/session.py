"""The aiohttp session under a client of an API server: TLS, connections, proxies, and whether a request went out."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError
from python_socks.async_.asyncio import Proxy as Socks

from fleet.net.proxies import Proxy, proxy_for
from fleet.sources.kube.errors import KubeconfigError, ProxyFailedError
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.tls import Tls, context_of

CONNECT_TIMEOUT = 10.0
"""Seconds to a TCP and TLS connection."""
CONNECTIONS = 100
"""To one server at most: a watch takes one for itself."""
BUFFER = 2**21
"""Bytes of a stream that may wait to be read: events of a watch are larger than aiohttp's default."""


class Sent:
    """Whether anything of one request may have left for the server."""

    def __init__(self) -> None:
        self.begun = False


def proxy_of(access: Access, settings: Mapping[str, Any], environ: Mapping[str, str]) -> Proxy | None:
    """The proxy to an API server: the cluster's own for whatever address, else the environment's.

    Raises :class:`KubeconfigError` for one that cannot be used.
    """
    own = settings.get("proxy-url")
    proxy = Proxy(own, f"proxy-url of cluster {access.cluster!r}") if own else proxy_for(access.server, environ)
    if proxy is not None and proxy.problem:
        raise KubeconfigError(proxy.problem, f"Correct it, as socks5://host:1080, or add {access.server} to NO_PROXY.")
    return proxy


async def open_session(tls: Tls, proxy: Proxy | None) -> aiohttp.ClientSession:
    """A session over these certificates. Raises ssl.SSLError, OSError and ValueError for those that cannot be used."""
    # aiohttp has a context that trusts what the system trusts, and no other is needed where nothing is said of TLS.
    context = True if tls == Tls() else await asyncio.to_thread(context_of, tls)
    options: dict[str, Any] = {"limit": CONNECTIONS, "ssl": context}
    connector = (
        SocksConnector(proxy, **options) if proxy is not None and proxy.socks else aiohttp.TCPConnector(**options)
    )
    # The environment is read by rules of our own: aiohttp's would send loopback through a proxy.
    return aiohttp.ClientSession(connector=connector, trust_env=False, read_bufsize=BUFFER, trace_configs=[_tracing()])


class SocksConnector(aiohttp.TCPConnector):
    """Connects through a SOCKS 5 proxy, which looks up the names, as kubectl has it."""

    def __init__(self, proxy: Proxy, **options: Any) -> None:
        super().__init__(resolver=_Unresolved(), **options)
        self._proxy = proxy

    async def _wrap_create_connection(self, *args: Any, **options: Any) -> Any:
        """The connection that aiohttp asks for, on a socket that the proxy has connected."""
        host, port = options.pop("addr_infos")[0][4][:2]
        seconds = options["timeout"].sock_connect or CONNECT_TIMEOUT
        try:
            # python-socks takes the scheme of curl for names that the proxy looks up.
            socks = Socks.from_url(self._proxy.url.replace("socks5h://", "socks5://", 1), rdns=True)
            connected = await socks.connect(host, port, timeout=seconds)
        except ProxyTimeoutError as error:
            raise ProxyFailedError(f"{self._proxy.shown} did not answer within {seconds:g} s") from error
        except (ProxyConnectionError, OSError) as error:
            raise ProxyFailedError(f"{self._proxy.shown} cannot be reached: {_reason(error)}") from error
        except (ProxyError, ValueError) as error:
            raise ProxyFailedError(f"{self._proxy.shown} does not connect to {host}:{port}: {error}") from error
        return await self._wrap_existing_connection(*args, sock=connected, **options)


class _Unresolved(AbstractResolver):
    """Leaves names as they are."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        """The name itself, where an address is expected."""
        return [ResolveResult(hostname=host, host=host, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing to let go of."""


def _reason(error: BaseException) -> str:
    cause = error.__cause__ or error
    return (cause.strerror if isinstance(cause, OSError) else "") or str(error)


def _tracing() -> aiohttp.TraceConfig:
    """Notes the moment before the first byte of a request: until then nothing can have reached the server."""

    async def begun(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
        del session, params
        sent = context.trace_request_ctx
        if isinstance(sent, Sent):
            sent.begun = True

    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(begun)
    return tracing


UNUSABLE = (ssl.SSLError, OSError, ValueError)
"""What certificates that cannot be used raise."""
