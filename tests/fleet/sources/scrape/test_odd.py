"""Servers that the small client cannot handle: they are read all the same, and not queried twice permanently."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fleet.net.plain_client import PlainClient, PlainRequest, PlainResponse
from fleet.sources.scrape.target import ScrapeTarget
from tests.fleet.metrics.rig import EPOCH
from tests.fleet.sources.scrape.test_scrape import PAGE, scraping

OLD = b"HTTP/1.0 200 OK\r\n\r\n" + PAGE.encode()
"""An answer that ends where its connection does."""
PLAIN = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE.encode()
MOVED = b"HTTP/1.1 307 Moved\r\nConnection: close\r\nLocation: /metrics/\r\nContent-Length: 0\r\n\r\n"


class Odd:
    """Gives each path its answer, and records the requests."""

    def __init__(self, **pages: bytes) -> None:
        self.pages = {f"/{name.replace('_', '/')}": page for name, page in pages.items()}
        self.asked: list[str] = []
        self.talks: set[asyncio.Task[None]] = set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self.talks.add(talk)
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(path := head.split(b" ", 2)[1].decode())
        writer.write(self.pages[path])
        writer.close()

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[int]:
        server = await asyncio.start_server(self.talk, "127.0.0.1", port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await asyncio.gather(*self.talks)


async def test_an_odd_server_is_asked_twice_once() -> None:
    server = Odd(metrics=OLD)
    async with server.listening() as port, scraping() as source:
        for _ in range(3):
            found = await source.measure([ScrapeTarget("llm", "p", f"http://127.0.0.1:{port}/metrics")], EPOCH)
            assert (len(found.engines), found.unreachable) == (1, {})
    assert server.asked == ["/metrics"] * 4


async def test_so_is_one_to_whom_a_redirect_leads() -> None:
    server = Odd(metrics=MOVED, metrics_=OLD)
    async with server.listening() as port, scraping() as source:
        for _ in range(3):
            found = await source.measure([ScrapeTarget("llm", "p", f"http://127.0.0.1:{port}/metrics")], EPOCH)
            assert (len(found.engines), found.unreachable) == (1, {})
    assert server.asked == ["/metrics", "/metrics/"] + ["/metrics/"] + ["/metrics", "/metrics/"] * 2


async def test_who_comes_after_nobody_was_there_is_met_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    plainly: list[PlainResponse | None] = []
    ask = PlainClient.ask

    async def watched(client: PlainClient, question: PlainRequest) -> PlainResponse | None:
        plainly.append(answer := await ask(client, question))
        return answer

    monkeypatch.setattr(PlainClient, "ask", watched)
    server = Odd(metrics=OLD)
    async with scraping() as source:
        async with server.listening() as port:
            targets = [ScrapeTarget("llm", "p", f"http://127.0.0.1:{port}/metrics")]
            for _ in range(2):
                await source.measure(targets, EPOCH)
        assert plainly == [None]
        # Bound, so that nothing else gets the port, but not listening.
        with socket.socket() as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind(("127.0.0.1", port))
            found = await source.measure(targets, EPOCH)
        assert found.unreachable == {"llm/p": "refuses the connection"}
        server.pages["/metrics"] = PLAIN
        async with server.listening(port):
            assert (await source.measure(targets, EPOCH)).unreachable == {}
    assert [answer and answer.status for answer in plainly] == [None, 200]


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH])
async def test_where_no_way_leads_nobody_goes_twice(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    asked: list[str] = []

    async def nowhere(client: PlainClient, question: PlainRequest) -> PlainResponse | None:
        asked.append(question.url)
        raise OSError(number, "Connect call failed")

    server = Odd(metrics=PLAIN)
    async with server.listening() as port, scraping() as source:
        targets = [ScrapeTarget("llm", "p", f"http://127.0.0.1:{port}/metrics")]
        with monkeypatch.context() as away:
            away.setattr(PlainClient, "ask", nowhere)
            for _ in range(2):
                found = await source.measure(targets, EPOCH)
                assert found.unreachable == {"llm/p": "cannot be reached (Connect call failed)"}
        assert len(asked) == 2
        assert server.asked == []
        assert (await source.measure(targets, EPOCH)).unreachable == {}
