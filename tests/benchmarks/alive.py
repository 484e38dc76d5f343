"""``python -m tests.benchmarks.alive …``: quarterdeck with these arguments, which at SIGUSR1 keeps only what is alive.

Cycles are collected and free pages returned to the system at once, for which the console takes its time: half an hour,
and a minute. The resident set then shows in a minute what would otherwise show in hours.
"""

from __future__ import annotations

import gc
import signal
import sys
from types import FrameType

from console.main import main as quarterdeck
from fleet.memory import give_back


def keep_alive_only(number: int, frame: FrameType | None) -> None:
    """The handler of the signal."""
    del number, frame
    gc.collect()
    give_back()


def main() -> int:
    signal.signal(signal.SIGUSR1, keep_alive_only)
    sys.argv[0] = "quarterdeck"
    return quarterdeck()


if __name__ == "__main__":
    sys.exit(main())
