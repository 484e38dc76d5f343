"""The event loop of a command: Ctrl-C ends it at once, even if a thread blocks.

SIGTERM, and SIGHUP of a closed terminal, do the same: helper processes (for example a benchmark) end too.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from fleet.workers import Workers

T = TypeVar("T")

_THREADS: Final = 8
"""Number of parallel blocking calls: name lookups, files, user input."""
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


def run(command: Coroutine[Any, Any, T]) -> T:
    """Run it to its end, as ``asyncio.run`` does; threads that block are left behind, and end with the process.

    Raises KeyboardInterrupt when it was ended.
    """
    ended: list[asyncio.Task[Any]] = []

    async def among_workers() -> T:
        asyncio.get_running_loop().set_default_executor(Workers(_THREADS, "command"))
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs is of a task

        def end() -> None:
            ended.append(task)
            task.cancel()

        _on_ending(end)
        return await command

    try:
        return asyncio.run(among_workers())
    except asyncio.CancelledError:
        if not ended:
            raise
        raise KeyboardInterrupt from None


def when_ended(stop: Callable[[], object]) -> None:
    """Call ``stop`` whenever this program is asked to end, instead of ending."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop)
    _on_ending(stop)


def _on_ending(do: Callable[[], object]) -> None:
    for number in _ENDING:
        # Signals that the parent process made us ignore (nohup) stay ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, do)
