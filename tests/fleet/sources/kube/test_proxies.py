"""The path to an API server through a proxy; and the message if the proxy is dead."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import UnreachableError
from fleet.sources.kube.kubeconfig import Access
from tests.fleet.sources.kube.api import Api


def dead() -> int:
    """A port without a listener."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


@asynccontextmanager
async def socks(port: int, answer: int = 0) -> AsyncIterator[tuple[int, list[str]]]:
    """A SOCKS 5 proxy that leads to ``port`` here whatever it is asked for; gives its own port and what was asked."""
    asked: list[str] = []
    tasks: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        *_, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = socket.inet_ntoa(await reader.readexactly(4))
        asked.append(f"{host}:{struct.unpack('!H', await reader.readexactly(2))[0]}")
        writer.write(bytes((5, answer, 0, 1, 0, 0, 0, 0, 0, 0)))
        if answer:
            writer.close()
            return
        inner, outer = await asyncio.open_connection("127.0.0.1", port)
        writers.update((writer, outer))
        tasks.update(asyncio.create_task(each) for each in (pump(reader, outer), pump(inner, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in writers:
            each.close()


def through(access: Access, proxy: str, server: str = "") -> Access:
    """The same access with this proxy-url, and perhaps another server."""
    server = server or access.server
    return replace(access, server=server, cluster_settings={"server": server, "proxy-url": proxy})


async def failure(access: Access, environ: dict[str, str] | None = None) -> UnreachableError:
    client = KubeClient(access, environ=environ or {})
    with pytest.raises(UnreachableError) as caught:
        await client.get("/version")
    await client.close()
    return caught.value


async def test_a_socks_proxy_is_used_and_looks_up_the_name(api: Api) -> None:
    async with socks(api.port) as (port, asked):
        client = KubeClient(through(api.access(), f"socks5://127.0.0.1:{port}", "http://api.internal:6443"), environ={})
        assert (await client.get("/version")).status == 200
        await client.close()
    assert asked == ["api.internal:6443"]
    assert api.requests[0].headers["Host"] == "api.internal:6443"


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
@pytest.mark.parametrize("server", ["http://api.internal:6443", "https://api.internal:6443"])
async def test_a_dead_proxy_is_blamed_and_not_the_server(api: Api, scheme: str, server: str) -> None:
    proxy = f"{scheme}://127.0.0.1:{dead()}"
    error = await failure(through(api.access(), proxy, server))
    assert error.reason == "proxy"
    assert f"{proxy} (proxy-url of cluster 'test')" in error.message
    assert "cannot be reached" in error.message
    assert not error.sent
    assert ("SOCKS" in error.message) is (scheme == "socks5")


async def test_a_proxy_whose_name_nobody_knows_is_blamed(api: Api) -> None:
    for scheme in ("http", "socks5"):
        error = await failure(through(api.access(), f"{scheme}://no-such-proxy.invalid:1080", "https://api.internal"))
        assert error.reason == "proxy"
        assert "no-such-proxy.invalid" in error.message


async def test_a_socks_proxy_that_does_not_get_there_says_so(api: Api) -> None:
    async with socks(api.port, answer=5) as (port, _):
        error = await failure(through(api.access(), f"socks5://127.0.0.1:{port}"))
    assert error.reason == "proxy"
    assert "does not connect to 127.0.0.1" in error.message


async def test_a_proxy_that_lets_nobody_through_says_so(api: Api) -> None:
    """Ours takes CONNECT for a request to a path that it does not have."""
    error = await failure(through(api.access(), f"http://127.0.0.1:{api.port}", "https://api.internal:6443"))
    assert error.reason == "proxy"
    assert "answers HTTP" in error.message


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "garbage://[", "ALL_PROXY": "socks5://127.0.0.1:9"},
        {"http_proxy": "http://no-such-proxy.invalid", "NO_PROXY": "127.0.0.0/8,.svc"},
    ],
)
async def test_loopback_is_asked_directly_whatever_the_environment_says(
    api: Api, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    client = KubeClient(api.access(), environ=environ)
    assert (await client.get("/version")).status == 200
    await client.close()
