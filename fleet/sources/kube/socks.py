"""Connections to an API server through a SOCKS 5 proxy, which aiohttp does not support."""

from __future__ import annotations

from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError
from python_socks.async_.asyncio import Proxy as Socks

from fleet.net.proxies import Proxy
from fleet.sources.kube.errors import ProxyFailedError
from fleet.sources.kube.session import CONNECT_TIMEOUT


class SocksConnector(aiohttp.TCPConnector):
    """Connects through a SOCKS 5 proxy, which looks up the names, as kubectl has it."""

    def __init__(self, proxy: Proxy, **options: Any) -> None:
        super().__init__(resolver=_Unresolved(), **options)
        self._proxy = proxy

    async def _wrap_create_connection(self, *args: Any, **options: Any) -> Any:
        """Return a connection on a socket that the proxy has connected."""
        host, port = options.pop("addr_infos")[0][4][:2]
        seconds = options["timeout"].sock_connect or CONNECT_TIMEOUT
        try:
            # python-socks uses curl's scheme for names that the proxy resolves.
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
        """Do nothing: there is nothing to close."""


def _reason(error: BaseException) -> str:
    cause = error.__cause__ or error
    return (cause.strerror if isinstance(cause, OSError) else "") or str(error)
