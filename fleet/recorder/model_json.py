"""Model values as JSON without a schema, so that recording costs no more than the writing itself; and times as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson


def stamped(at: float) -> str:
    """A Unix time in UTC, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def to_json(value: Any) -> bytes:
    """Return a dataclass with its contents as JSON; a NamedTuple is written by position, a set as a list."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"a recording contains no {type(value).__name__}")
