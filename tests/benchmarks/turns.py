"""``python -m tests.benchmarks.turns FILE …``: quarterdeck with these arguments, and how long its loop's turns took.

Every callback of the screens' event loop is timed; when the console has been left, those of a millisecond and more are
in FILE as JSON: [seconds of the system's steady clock, milliseconds by the clock less those in which the thread could
have run and other programs had the cores, milliseconds of CPU].
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from console.main import main as quarterdeck
from tests.benchmarks.processes import waited_seconds

SHORTEST = 1e-3
"""Seconds."""


def timed(
    run: Callable[[asyncio.Handle], None], turns: list[tuple[float, float, float]]
) -> Callable[[asyncio.Handle], None]:
    """``asyncio.Handle._run``, timed where it is called by the main thread's loop."""
    main_thread = threading.main_thread().ident

    def timed_run(self: asyncio.Handle) -> None:
        if threading.get_ident() != main_thread:
            run(self)
            return
        wall, cpu, waited = time.monotonic(), time.thread_time(), waited_seconds()
        run(self)
        if time.monotonic() - wall < SHORTEST:
            return
        # Both times looked at inside of the turn: no wait is subtracted that is not in it.
        waited = waited_seconds() - waited
        took = time.monotonic() - wall - waited
        if took >= SHORTEST:
            turns.append((wall, took * 1e3, (time.thread_time() - cpu) * 1e3))

    return timed_run


def main() -> int:
    file, sys.argv = Path(sys.argv[1]), ["quarterdeck", *sys.argv[2:]]
    turns: list[tuple[float, float, float]] = []
    setattr(asyncio.Handle, "_run", timed(asyncio.Handle._run, turns))  # noqa: B010 - mypy knows methods as constants
    code = quarterdeck()
    file.write_text(json.dumps(turns))
    return code


if __name__ == "__main__":
    sys.exit(main())
