"""JSON decoded while the collector of cycles waits.

A page of a list of pods is tens of thousands of dictionaries, none of them in a cycle. With Python's own thresholds the
collector looks at them sixty times while they come to be, and now and then at all that the process holds: that is two
thirds of the time, and the longest of all turns.
"""

from __future__ import annotations

import gc
from typing import Any

import orjson


def decoded(content: bytes | bytearray | memoryview | str) -> Any:
    """What a JSON text says. Raises orjson.JSONDecodeError, a ValueError, for anything else."""
    # orjson does not let another thread in meanwhile: nobody is kept from collecting, or sees it switched off.
    collects = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(content)
    finally:
        if collects:
            gc.enable()
