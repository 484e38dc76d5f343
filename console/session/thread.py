"""The thread on which the sources run, with its own event loop.

No work of a source (decoding a page of pods, waiting for a lock) can hold up the screens, and nothing heavy is imported
before it runs: the first frame is on the screen by then.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

STOPPING = 1.0
"""Seconds that an end may take before the thread is left behind (it is a daemon)."""
LOOK_UPS = 8
"""Threads for blocking calls: name lookups, files, imports."""


class LoopThread:
    """A daemon thread that runs ``loop`` from ``start`` to ``close``."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def close(self, last: Coroutine[Any, Any, None]) -> None:
        """End, after ``last`` was run on the loop. Takes a second at most. Called on another loop."""
        if not self._thread.is_alive():
            last.close()
            self.loop.close()
            return
        ending = asyncio.run_coroutine_threadsafe(last, self.loop)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOPPING):
                await asyncio.wrap_future(ending)
        self.loop.call_soon_threadsafe(self.loop.stop)
        await asyncio.to_thread(self._thread.join, STOPPING)

    def _run(self) -> None:
        from fleet.workers import Workers

        asyncio.set_event_loop(self.loop)
        # A hanging DNS look-up (such as without the VPN) must not delay the program's exit.
        self.loop.set_default_executor(Workers(LOOK_UPS, self._thread.name))
        try:
            self.loop.run_forever()
        finally:
            # What was asked for while it stopped begins now, and ends with the rest.
            self.loop.run_until_complete(asyncio.sleep(0))
            self._end_the_rest()
            self._cut_off()
            self.loop.close()

    def _end_the_rest(self) -> None:
        """Cancel pending requests: otherwise Python prints a warning for each on the terminal."""
        rest = asyncio.all_tasks(self.loop)
        for task in rest:
            task.cancel()
        if rest:
            self.loop.run_until_complete(asyncio.wait(rest, timeout=STOPPING / 2))
        # The results of some are never fetched, so their exceptions are retrieved here.
        for task in rest:
            if task.done() and not task.cancelled():
                task.exception()

    def _cut_off(self) -> None:
        """Abort orphaned connections, and let closing ones finish.

        asyncio leaves one if a request is cancelled between the connection and the beginning of its TLS handshake:
        ``SSLProtocol`` closes nothing before that has begun, and it begins all the same.
        """
        for transport in list(getattr(self.loop, "_transports", {}).values()):
            transport.abort()
        # Their callbacks run in the next turn of the loop.
        self.loop.run_until_complete(asyncio.sleep(0))
