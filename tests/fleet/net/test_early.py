"""The early requests end with the first numbers, after a while, or on request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fleet.net.early_requests import EarlyRequests
from fleet.net.plain_client import PlainResponse
from tests.fleet.net.test_plain_client import get, plain, serving


async def test_it_ends_by_itself_when_there_are_numbers_or_is_ended() -> None:
    ways: list[tuple[float, Callable[[EarlyRequests], None]]] = [
        (0.01, lambda _: None),
        (60.0, EarlyRequests.answered),
        (60.0, EarlyRequests.end),
    ]
    for seconds, way in ways:
        early = EarlyRequests(seconds=seconds)
        assert early.open
        way(early)
        await asyncio.wait_for(early.wait_until_over(), 10)
        assert not early.open
        async with serving(plain(b"")) as server:
            assert await early.ask(get(f"{server.url}/metrics")) is None
        assert server.connections == 0


async def test_an_answer_that_is_under_way_at_the_end_is_waited_for() -> None:
    early = EarlyRequests(seconds=60.0)
    go_on, left = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        go_on.set()
        await early.wait_until_over()
        writer.write(plain(b"late"))
        await writer.drain()
        # The question is answered, and its connection is not kept.
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        left.set()

    listening = await asyncio.start_server(slow, "127.0.0.1", 0)
    asking = asyncio.create_task(early.ask(get(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/metrics")))
    await go_on.wait()
    early.end()
    answer = await asking
    await asyncio.wait_for(left.wait(), 10)
    listening.close()
    assert isinstance(answer, PlainResponse)
    assert answer.body == b"late"
