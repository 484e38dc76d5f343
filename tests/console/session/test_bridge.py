"""The bridge between two event loops: requests, streams, failures and cancellation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from inspect import CORO_CLOSED, getcoroutinestate
from pathlib import Path

import pytest

import console
from console.session.bridge import AHEAD, Bridge
from console.session.failure import SessionError
from console.session.thread import LoopThread
from fleet.sources.kube.errors import NotFoundError
from tests.waiting import PATIENCE, until


def test_there_is_one_bridge() -> None:
    root = Path(console.__file__).parent
    crossing = {str(f.relative_to(root)) for f in root.rglob("*.py") if "threadsafe(" in f.read_text(encoding="utf-8")}
    assert crossing == {"session/bridge.py", "session/thread.py"}


class Numbers:
    """A source of numbers on the other loop that reports its progress, and whether it was closed."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.given = 0
        self.closed = threading.Event()
        self.threads: set[int] = set()
        self._count = count
        self._error = error

    async def items(self) -> AsyncIterator[int | None]:
        try:
            for number in range(self._count):
                self.threads.add(threading.get_ident())
                self.given += 1
                yield number
            if self._error is not None:
                raise self._error
        finally:
            self.closed.set()


@asynccontextmanager
async def bridged() -> AsyncIterator[Bridge]:
    thread = LoopThread("over there")
    thread.start()
    try:
        yield Bridge(thread.loop)
    finally:
        await thread.close(asyncio.sleep(0))


async def test_a_question_is_answered_on_the_other_thread() -> None:
    async def where() -> int:
        return threading.get_ident()

    async with bridged() as bridge:
        assert await bridge.call(where()) != threading.get_ident()


async def test_what_fails_over_there_is_told_here_in_words() -> None:
    async def fail(error: Exception) -> None:
        raise error

    async with bridged() as bridge:
        with pytest.raises(SessionError) as caught:
            await bridge.call(fail(NotFoundError("no pod x", remedy="look again")))
        assert (caught.value.message, caught.value.remedy) == ("no pod x", "look again")
        with pytest.raises(SessionError, match="unexpected ZeroDivisionError"):
            await bridge.call(fail(ZeroDivisionError("in a test")))


async def test_a_question_that_is_given_up_here_is_given_up_there() -> None:
    begun, ended = threading.Event(), threading.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with bridged() as bridge:
        asked = asyncio.create_task(bridge.call(endless()))
        await asyncio.to_thread(begun.wait, PATIENCE)
        asked.cancel()
        assert await asyncio.to_thread(ended.wait, PATIENCE)
        with pytest.raises(asyncio.CancelledError):
            await asked


async def test_a_stream_comes_in_order_and_to_its_end_with_none_among_it() -> None:
    class Nones(Numbers):
        async def items(self) -> AsyncIterator[int | None]:
            yield 1
            yield None
            yield 3

    numbers = Numbers(3 * AHEAD)
    async with bridged() as bridge:
        assert [n async for n in bridge.stream(numbers.items())] == list(range(3 * AHEAD))
        assert threading.get_ident() not in numbers.threads
        assert numbers.closed.is_set()
        assert [n async for n in bridge.stream(Nones(0).items())] == [1, None, 3]


async def test_a_stream_that_nobody_reads_is_held_back_at_its_source() -> None:
    numbers = Numbers(10 * AHEAD)
    async with bridged() as bridge, aclosing(bridge.stream(numbers.items())) as stream:
        assert await anext(stream) == 0
        await until(lambda: numbers.given == AHEAD + 2)
        await bridge.call(asyncio.sleep(0))
        assert numbers.given == AHEAD + 2
        assert await anext(stream) == 1
        await until(lambda: numbers.given == AHEAD + 3)


async def test_a_stream_that_is_closed_here_is_closed_there() -> None:
    numbers = Numbers(10 * AHEAD)
    async with bridged() as bridge:
        async with aclosing(bridge.stream(numbers.items())) as stream:
            assert await anext(stream) == 0
        assert await asyncio.to_thread(numbers.closed.wait, PATIENCE)


async def test_a_stream_that_fails_gives_what_came_before_and_then_the_error() -> None:
    async with bridged() as bridge:
        stream = bridge.stream(Numbers(2, NotFoundError("no pod x")).items())
        assert [await anext(stream), await anext(stream)] == [0, 1]
        with pytest.raises(SessionError, match="no pod x"):
            await anext(stream)


async def test_a_stream_ends_when_the_loop_that_it_comes_from_ends() -> None:
    class Endless(Numbers):
        async def items(self) -> AsyncIterator[int | None]:
            yield 1
            await asyncio.Event().wait()

    thread = LoopThread("over there")
    thread.start()
    async with aclosing(Bridge(thread.loop).stream(Endless(0).items())) as stream:
        assert await anext(stream) == 1
        await thread.close(asyncio.sleep(0))
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(StopAsyncIteration):
                await anext(stream)


async def test_what_the_other_loop_never_came_to_is_closed() -> None:
    # At the end of the program: else Python prints a warning about it on the terminal.
    loop = asyncio.new_event_loop()
    question = asyncio.sleep(0)
    asking = asyncio.create_task(Bridge(loop).call(question))
    await asyncio.sleep(0)
    loop.close()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert getcoroutinestate(question) == CORO_CLOSED


async def test_a_loop_that_has_ended_is_no_surprise() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    question = asyncio.sleep(0)
    with pytest.raises(SessionError):
        await Bridge(loop).call(question)
    assert getcoroutinestate(question) == CORO_CLOSED
