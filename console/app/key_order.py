"""Waiting until widgets have processed their messages: a key is handled after the previous one has taken effect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

PATIENCE = 1.0
"""Seconds after which a busy handler is no longer waited for: no handler may hold up the keys."""
_TURNS = 2
"""The first turn handles waiting messages, the second their consequences: a widget's messages go to itself first."""


async def settled(pumps: Iterable[MessagePump]) -> None:
    """Wait until each in turn has handled its messages; the innermost comes first, as messages bubble."""
    try:
        async with asyncio.timeout(PATIENCE):
            for pump in pumps:
                for _ in range(_TURNS):
                    done = asyncio.Event()
                    if pump.call_later(done.set):
                        await done.wait()
    except TimeoutError:
        return
