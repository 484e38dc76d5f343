"""A process of a test ends with the test, however that ends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import AnyStr

import psutil

from tests.waiting import block_until

LOOK = 0.005
"""Seconds between two looks: a killed process is gone at once."""


def until_ended(processes: Iterable[psutil.Process]) -> None:
    """Wait until none of them runs. One that is not reaped has ended: whoever inherits orphans may be slow at it."""
    left = tuple(processes)
    block_until(lambda: not any(_is_alive(one) for one in left), "processes to end", every=LOOK)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def ending(process: subprocess.Popen[AnyStr]) -> Iterator[subprocess.Popen[AnyStr]]:
    """The process as a context that waits for its end, and that a failure or the test's time limit leaves at once.

    Popen's own context waits for the process then too, and so hangs for ever where the process waits for the test.
    """
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise
