"""The event loop of a command: Ctrl-C ends it at once, whatever blocks in a thread meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from fleet.workers import Workers

T = TypeVar("T")

_THREADS: Final = 8
"""Calls at once that block: names that are looked up, files, what a person types."""


def run(command: Coroutine[Any, Any, T]) -> T:
    """Run it to its end, as ``asyncio.run`` does; threads that block are left behind, and end with the process."""

    async def among_workers() -> T:
        asyncio.get_running_loop().set_default_executor(Workers(_THREADS, "command"))
        return await command

    return asyncio.run(among_workers())
