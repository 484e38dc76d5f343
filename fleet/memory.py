"""The C library's heaps: memory used for a large answer returns to the system once it has been read.

By default, each thread that reads large answers keeps a heap of the size of the largest; and after one large block was
freed, later ones also come from the heap, between small ones that stay.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    import ctypes

P = ParamSpec("P")
T = TypeVar("T")

_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of glibc's malloc.h."""
_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""
_ARENAS = 2
_LARGE = 256 * 1024
"""Size in bytes from which a block is mapped separately, and so returned at once."""


@cache
def share_heaps() -> None:
    """Make all threads of this process share two heaps without large blocks, if the C library is glibc and the
    environment does not set these itself.
    """
    library = _glibc()
    if library is None:
        return
    if "MALLOC_ARENA_MAX" not in os.environ:
        library.mallopt(_ARENA_MAX, _ARENAS)
    if "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        library.mallopt(_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Return free heap pages to the system, after a large object was freed. Takes milliseconds."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def giving_back(call: Callable[P, T]) -> Callable[P, T]:
    """The same call, after which that is done."""

    @wraps(call)
    def called(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return call(*arguments, **named)
        finally:
            give_back()

    return called


@cache
def _glibc() -> ctypes.CDLL | None:
    """The C library, where it is glibc: others have no such functions, and need none."""
    if sys.platform != "linux":
        return None
    import ctypes

    with suppress(OSError):
        library = ctypes.CDLL(None)
        if hasattr(library, "mallopt") and hasattr(library, "malloc_trim"):
            return library
    return None
