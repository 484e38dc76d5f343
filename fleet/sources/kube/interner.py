"""One shared copy of values that repeat in thousands of objects."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar, cast

T = TypeVar("T", bound=Hashable)
V = TypeVar("V")

_NO_STRINGS: Mapping[str, str] = {}


class Interner:
    """Shares values that are equal: images, arguments, labels and messages of thousands of objects.

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
        """Return the cached value of this key, which must be unique to its use; make it if there is none."""
        found = self._values.get(key)
        if found is None:
            found = make()
            if len(self._values) >= self._limit:
                self._values.clear()
            self._values[key] = found
        return cast("V", found)

    def strings(self, raw: object, keep: Callable[[str], bool] | None = None) -> Mapping[str, str]:
        """Return the string entries of a mapping, as a shared read-only mapping."""
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
