"""Reading fields of raw JSON that may hold anything: a wrong type reads as absent, nothing raises."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from fleet.model.objects import Condition, Owner

Raw = Mapping[str, Any]
T = TypeVar("T", bound=Hashable)
V = TypeVar("V")

_EMPTY: Raw = {}


class Interner:
    """One copy of what repeats: images, arguments, labels and messages of thousands of objects.

    Forgets everything once it holds ``limit`` values, so that values that never repeat cannot pile up.
    """

    def __init__(self, limit: int = 50_000) -> None:
        self._limit = limit
        self._values: dict[object, object] = {}

    def share(self, value: T) -> T:
        """The first value equal to this one."""
        if not value:
            return value
        if len(self._values) >= self._limit:
            self._values.clear()
        # A NamedTuple equals a plain tuple of the same strings; the type keeps them apart.
        key = value if type(value) is str else (type(value), value)
        return cast("T", self._values.setdefault(key, value))

    def remember(self, key: Hashable, make: Callable[[], V]) -> V:
        """Return what was made for this key, which tells whose it is; make it where nothing was."""
        found = self._values.get(key)
        if found is None:
            found = make()
            if len(self._values) >= self._limit:
                self._values.clear()
            self._values[key] = found
        return cast("V", found)

    def strings(self, raw: object, keep: Callable[[str], bool] | None = None) -> Mapping[str, str]:
        """The string entries of a mapping, as a shared mapping that nobody may change."""
        if not isinstance(raw, dict) or not raw:
            return _NO_STRINGS
        pairs = tuple(
            (self.share(key), self.share(value))
            for key, value in raw.items()
            if isinstance(value, str) and (keep is None or keep(key))
        )
        if not pairs:
            return _NO_STRINGS
        if len(self._values) >= self._limit:
            self._values.clear()
        found = self._values.get(pairs)
        if found is None:
            found = self._values[pairs] = dict(pairs)
        return cast("Mapping[str, str]", found)


_NO_STRINGS: Mapping[str, str] = {}


def mapping(raw: Raw, key: str) -> Raw:
    """The mapping under ``key``."""
    value = raw.get(key)
    return value if isinstance(value, dict) else _EMPTY


def mappings(raw: Raw, key: str) -> list[Raw]:
    """The mappings in the list under ``key``."""
    value = raw.get(key)
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


def owner(metadata: Raw) -> Owner | None:
    """The controlling ownerReference."""
    for reference in mappings(metadata, "ownerReferences"):
        if reference.get("controller") is True:
            return Owner(text(reference, "kind"), text(reference, "name"), text(reference, "uid"))
    return None


def conditions(status: Raw, interner: Interner) -> tuple[Condition, ...]:
    """The conditions of a status."""
    found = []
    for raw in mappings(status, "conditions"):
        told = (text(raw, "type"), text(raw, "status"), text(raw, "reason"), text(raw, "message"))
        # One look for all four: thousands of pods say the same, at other times.
        found.append(Condition(*interner.share(told), since=moment(raw, "lastTransitionTime")))
    return tuple(found)
