"""Differences from an earlier state: what is unchanged is the same immutable object, so identities are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from operator import is_, is_not
from typing import TypeVar

V = TypeVar("V")


def are_same(before: Sequence[object], now: Sequence[object]) -> bool:
    """True if these are the same objects, one by one."""
    return len(before) == len(now) and all(map(is_, before, now))


def kept(before: V, now: V) -> V:
    """Return the earlier object if they are equal."""
    return before if before == now else now


def replaced(before: Mapping[str, V], now: Mapping[str, V]) -> tuple[str, ...] | None:
    """Return the keys whose rows are new objects; None if keys were added, removed or reordered."""
    if before is now:
        return ()
    if len(before) != len(now) or list(before) != list(now):
        return None
    return tuple(compress(now, map(is_not, before.values(), now.values())))


def changed_keys(before: Mapping[str, V], now: Mapping[str, V]) -> Iterable[str]:
    """Return the keys whose rows are new objects, including new keys."""
    rows = replaced(before, now)
    return rows if rows is not None else [key for key, row in now.items() if before.get(key) is not row]


def unlike(before: Mapping[str, V], now: Mapping[str, V]) -> Iterable[str]:
    """Return the keys with different values, including added and removed keys."""
    if before is now:
        return ()
    changed = [key for key, row in now.items() if before.get(key) != row]
    return [*changed, *(key for key in before if key not in now)]
