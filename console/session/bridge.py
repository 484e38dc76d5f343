"""The only way between the console's event loop and the loop of the sources.

An object that belongs to a loop is used on that loop only. A question is a coroutine that runs over there and is
awaited here; a stream is an async iterator that is read over there and iterated here. Any failure over there is raised
here as a SessionError, in words.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import suppress
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any, TypeVar

from console.session.failure import SessionError, in_words

T = TypeVar("T")

AHEAD = 2000
"""Items of a stream that wait for their reader at most: who sends faster is held back at the source."""


class Bridge:
    """The bridge to ``loop``, which runs on another thread (or, in tests, on this one)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def post(self, do: Callable[..., object], *arguments: object) -> None:
        """Call it over there, some time soon; from any thread."""
        self._loop.call_soon_threadsafe(do, *arguments)

    def begin(self, work: Coroutine[Any, Any, object]) -> None:
        """Start it over there without waiting; from any thread."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    async def call(self, question: Coroutine[Any, Any, T]) -> T:
        """Run it over there and wait for its answer. Raises SessionError; a caller that is cancelled cancels it."""
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(question, self._loop))
        except Exception as error:
            raise in_words(error) from error
        finally:
            # At the end of the program the other loop may be closed before it came to this.
            if self._loop.is_closed() and getcoroutinestate(question) == CORO_CREATED:
                question.close()

    async def stream(self, items: AsyncIterator[T]) -> AsyncGenerator[T]:
        """Iterate over there, and hand over each item. Raises SessionError; to close it closes ``items`` over there."""
        here = asyncio.get_running_loop()
        arrived: asyncio.Queue[tuple[T] | SessionError | None] = asyncio.Queue()
        room = asyncio.Semaphore(AHEAD)

        async def read() -> None:
            end: SessionError | None = None
            try:
                async for item in items:
                    await room.acquire()
                    here.call_soon_threadsafe(arrived.put_nowait, (item,))
            except Exception as error:  # noqa: BLE001 - whatever it is, the reader must hear of it
                end = in_words(error)
            finally:
                # If the console's own loop has ended first, there is nobody to notify.
                with suppress(RuntimeError):
                    here.call_soon_threadsafe(arrived.put_nowait, end)
                if isinstance(items, AsyncGenerator):
                    await items.aclose()

        reading = asyncio.run_coroutine_threadsafe(read(), self._loop)
        try:
            while (item := await arrived.get()) is not None:
                if isinstance(item, SessionError):
                    raise item
                self._loop.call_soon_threadsafe(room.release)
                yield item[0]
        finally:
            reading.cancel()
