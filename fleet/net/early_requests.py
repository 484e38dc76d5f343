"""The first requests of a program that has just started: sent before its HTTP client is imported.

Importing aiohttp takes as much CPU as setting up the sources, while the user looks at an empty screen. So the first
requests go through the small client; one that it cannot handle is repeated with aiohttp.
"""

from __future__ import annotations

import asyncio
from typing import Final

from fleet.guard import Guard, reads_only
from fleet.net.plain_client import PlainClient, PlainRequest, PlainResponse

OPEN_FOR: Final = 2.0
"""Seconds after the start during which requests are sent this way. Requests under way then are completed."""
DRAWING: Final = 0.3
"""Seconds that the first screen with numbers has to be drawn in before the client is imported."""


class EarlyRequests:
    """Asks until the first numbers are on the screen, ``seconds`` at most. Belongs to one event loop, which runs."""

    def __init__(self, guard: Guard = reads_only, seconds: float = OPEN_FOR) -> None:
        self._client = PlainClient(guard)
        self._over = asyncio.Event()
        self._ending = asyncio.get_running_loop().call_later(seconds, self.end)

    @property
    def open(self) -> bool:
        """True while requests are still sent this way."""
        return not self._over.is_set()

    def answered(self) -> None:
        """End soon: there are numbers, and a moment to draw them in."""
        if self.open:
            self._ending.cancel()
            self._ending = asyncio.get_running_loop().call_later(DRAWING, self.end)

    def end(self) -> None:
        """The client asks from now on."""
        self._ending.cancel()
        self._over.set()
        self._client.close()

    async def wait_until_over(self) -> None:
        """Wait for the end: imports of the other client can wait until then."""
        await self._over.wait()

    async def ask(self, question: PlainRequest) -> PlainResponse | None:
        """The answer; None where the client is to ask, because this is over or the answer is odd.

        Raises RefusedError, OSError where there is no connection, and TimeoutError where it is not whole in time.
        """
        return await self._client.ask(question) if self.open else None
