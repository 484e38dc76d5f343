"""Differences from before. Rows and columns are immutable, so identity is all that is asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from operator import is_, is_not
from typing import TypeVar

V = TypeVar("V")


def are_same(before: Sequence[object], now: Sequence[object]) -> bool:
    """Whether these are the very same objects, one by one."""
    return len(before) == len(now) and all(map(is_, before, now))


def replaced(before: Mapping[str, V], now: Mapping[str, V]) -> tuple[str, ...] | None:
    """The keys whose rows are other objects; None where keys have come, gone or changed places."""
    if before is now:
        return ()
    if len(before) != len(now) or list(before) != list(now):
        return None
    return tuple(compress(now, map(is_not, before.values(), now.values())))


def changed_keys(before: Mapping[str, V], now: Mapping[str, V]) -> Iterable[str]:
    """The keys whose rows are other objects than before, new ones among them."""
    rows = replaced(before, now)
    return rows if rows is not None else [key for key, row in now.items() if before.get(key) is not row]


def unlike(before: Mapping[str, V], now: Mapping[str, V]) -> Iterable[str]:
    """The keys of which something else is said than before, or something only before or only now."""
    if before is now:
        return ()
    said = [key for key, row in now.items() if before.get(key) != row]
    return [*said, *(key for key in before if key not in now)]
