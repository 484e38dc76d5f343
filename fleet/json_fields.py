"""Reading fields of raw JSON that may contain anything: a wrong type reads as absent, nothing raises."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Raw = Mapping[str, Any]

_EMPTY: Raw = {}


def mapping(raw: Raw, key: str) -> Raw:
    """The mapping under ``key``."""
    value = raw.get(key)
    return value if isinstance(value, dict) else _EMPTY


def mappings(raw: Raw, key: str) -> list[Raw]:
    """The mappings in the list under ``key``."""
    return mappings_in(raw.get(key))


def as_mapping(value: object) -> Raw:
    """The value, if it is a mapping; an empty one for anything else."""
    return value if isinstance(value, Mapping) else _EMPTY


def as_list(value: object) -> list[Any]:
    """The value, if it is a list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def mappings_in(value: Any) -> list[Raw]:
    """The mappings in a list; none in anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(raw: Raw, key: str) -> str:
    """The string under ``key``."""
    value = raw.get(key)
    return value if isinstance(value, str) else ""


def texts(raw: Raw, key: str) -> list[str]:
    """The strings in the list under ``key``."""
    value = raw.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def integer(raw: Raw, key: str, default: int = 0) -> int:
    """The whole number under ``key``."""
    value = raw.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def moment(raw: Raw, key: str) -> float | None:
    """The RFC 3339 time under ``key`` as Unix seconds."""
    value = raw.get(key)
    if not isinstance(value, str) or not value:
        return None
    try:
        return datetime.fromisoformat(value).timestamp()
    except ValueError:
        return None


def time_text(at: float) -> str:
    """Return a Unix time as Kubernetes writes times: RFC 3339, in whole seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
