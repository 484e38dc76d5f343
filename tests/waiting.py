"""Waiting for what must come. How long that takes is the machine's affair: only a failure takes all of the time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 180.0
"""Seconds. A machine that runs the tests may stand still for many of them, for its disk or for its neighbours."""
SHORTEST, LONGEST = 0.002, 0.03
"""Seconds between two looks in an event loop: what comes at once is seen at once, and what takes long costs little."""


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait, in an event loop, for what has no event to wait for. Raises TimeoutError."""
    pause = SHORTEST
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, LONGEST)


def block_until(
    condition: Callable[[], object], what: str = "it to come true", seconds: float = PATIENCE, every: float = 0.1
) -> None:
    """Wait for a condition of another process, with a look ``every`` so many seconds. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        # Another process has nothing to await here: it is asked again.
        time.sleep(every)
