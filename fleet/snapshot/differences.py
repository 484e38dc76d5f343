"""Which rows of a table are others than before. Rows are immutable, so identity is all that is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import compress
from operator import is_not
from typing import TypeVar

V = TypeVar("V")


def replaced(before: Mapping[str, V], now: Mapping[str, V]) -> tuple[str, ...] | None:
    """The keys whose rows are other objects; None where keys have come, gone or changed places."""
    if before is now:
        return ()
    if len(before) != len(now) or list(before) != list(now):
        return None
    return tuple(compress(now, map(is_not, before.values(), now.values())))
