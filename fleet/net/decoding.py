"""JSON decoding with the cycle collector paused.

A page of a list of pods is tens of thousands of dictionaries, none of them in a cycle. With Python's default thresholds
the collector scans them sixty times while they are created, and occasionally everything in the process: two thirds of
the time, and the longest of all pauses.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import orjson

_lock = Lock()
_open = 0
"""Number of users that currently pause the collector."""
_collects = False
"""True if it was enabled before the first of them."""


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the collector until the last of these is closed.

    Objects created and dropped within are never scanned: only the net growth counts afterwards. Keep it to tens of
    milliseconds, since no cycles are freed meanwhile.
    """
    global _open, _collects
    with _lock:
        if not _open:
            _collects = gc.isenabled()
            gc.disable()
        _open += 1
    try:
        yield
    finally:
        with _lock:
            _open -= 1
            if not _open and _collects:
                gc.enable()


def collect() -> None:
    """The collector is on from now on; where it is waiting now, from the end of that on."""
    global _collects
    with _lock:
        _collects = True
        if not _open:
            gc.enable()


def decoded(content: bytes | bytearray | memoryview | str) -> Any:
    """Decode a JSON text. Raises orjson.JSONDecodeError, a ValueError, for anything else."""
    with collector_paused():
        return orjson.loads(content)
