"""The first questions of a program that has just started: asked while its HTTP client is not imported yet.

aiohttp takes as much CPU to import as the sources take to be put together, and somebody looks at an empty screen. So
what is asked first is asked of the small client; what that has no words for is asked again of the other.
"""

from __future__ import annotations

import asyncio
from typing import Final

from fleet.guard import Guard, reads_only
from fleet.net.plain_client import PlainClient, PlainRequest, PlainResponse

OPEN_FOR: Final = 2.0
"""Seconds from the start within which questions are asked so. What is under way then is waited for."""
DRAWING: Final = 0.3
"""Seconds that the first screen with numbers has to be drawn in before the client is imported."""


class EarlyQuestions:
    """Asks until the first numbers are on the screen, ``seconds`` at most. Belongs to one event loop, which runs."""

    def __init__(self, guard: Guard = reads_only, seconds: float = OPEN_FOR) -> None:
        self._client = PlainClient(guard)
        self._over = asyncio.Event()
        self._ending = asyncio.get_running_loop().call_later(seconds, self.end)

    @property
    def open(self) -> bool:
        """Whether questions are still asked so."""
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
        """Wait for the end: what brings the client with it can wait until then."""
        await self._over.wait()

    async def ask(self, question: PlainRequest) -> PlainResponse | None:
        """The answer; None where the client is to ask, because this is over or the answer is odd.

        Raises RefusedError, OSError where there is no connection, and TimeoutError where it is not whole in time.
        """
        return await self._client.ask(question) if self.open else None
