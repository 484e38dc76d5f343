"""Values of the model as JSON. Writing needs no schema, so that recording costs no more than the writing itself."""

from __future__ import annotations

from typing import Any

import orjson


def to_json(value: Any) -> bytes:
    """A dataclass, and all in it; what is named in a NamedTuple is told by its place, and a set as a list."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"a recording has no {type(value).__name__}")
