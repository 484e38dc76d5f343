"""Waiting until widgets have done what they were told: a key is looked at when the one before it has had its effect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

PATIENCE = 1.0
"""Seconds after which whoever is still at it is no longer waited for: no handler may hold up the keys."""
_TURNS = 2
"""The first ends what waits already, the second what came of that: a widget's messages go to itself first."""


async def settled(pumps: Iterable[MessagePump]) -> None:
    """Wait until each in turn has handled what was sent to it; the innermost is named first, as messages bubble."""
    try:
        async with asyncio.timeout(PATIENCE):
            for pump in pumps:
                for _ in range(_TURNS):
                    done = asyncio.Event()
                    if pump.call_later(done.set):
                        await done.wait()
    except TimeoutError:
        return
