"""JSON decoded while the collector of cycles waits.

A page of a list of pods is tens of thousands of dictionaries, none of them in a cycle. With Python's own thresholds the
collector looks at them sixty times while they come to be, and now and then at all that the process holds: that is two
thirds of the time, and the longest of all turns.
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
"""How many have the collector wait now."""
_collects = False
"""Whether it was on before the first of them."""


@contextmanager
def collector_paused() -> Iterator[None]:
    """The collector waits until the last of these is closed.

    Whatever is read and dropped within is not even looked at afterwards: what counts then is what came to be less what
    has gone. For tens of milliseconds, since nobody's cycles go meanwhile.
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
