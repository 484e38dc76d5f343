"""Idleness of a Textual app: its event loop has nothing left to run, and nothing that is due soon.

Textual's own way is to compare the processor's time with the clock's over steps of 20 ms, twice for every key: on a
quiet machine that is most of the duration of a test of a screen, and on a busy one it reports "at rest" for an app that
was not given the processor yet.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from textual.pilot import Pilot

SOON = 0.02
"""Seconds. A timer that is due within these belongs to what is under way (a screen is painted at the next frame)."""
MOST = 1.0
"""Seconds after which an app that never rests (an animation) is taken as it is; Textual's own limit."""
FRAME = 0.001
"""Seconds between two paintings of a screen in tests: Textual's 1/60 is for the eye."""


async def idle(min_sleep: float = 0.0, max_sleep: float = MOST) -> None:
    """Return when all others wait for a thread, a socket or a timer that is not due soon."""
    del min_sleep
    loop: Any = asyncio.get_running_loop()
    deadline = time.monotonic() + max_sleep
    while time.monotonic() < deadline:
        await asyncio.sleep(0)
        if loop._ready:
            continue
        due = min((timer.when() for timer in loop._scheduled if not timer.cancelled()), default=None)
        if due is None or due - loop.time() > SOON:
            return
        await asyncio.sleep(max(0.0, due - loop.time()))


async def screen_idle(pilot: Pilot[Any]) -> bool:
    """True: keys and pauses end with ``idle``. Textual itself sends a message to every widget, twice for every key."""
    del pilot
    return True
