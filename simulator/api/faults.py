"""Ways to break the API server on purpose, for tests of those who have to live with it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong with requests from now on; the default is nothing.

    Set in-process, or by an administrator with `POST /_simulator/fault` and these fields as JSON: a fault
    lasts until the next POST. `drop_watches` and `compact` happen once, at the POST.
    """

    path: str = "/"
    """Only requests whose path starts with this."""
    refuse: bool = False
    """Connections are closed without an answer."""
    hang: bool = False
    """Requests are never answered."""
    latency: float = 0.0
    """Real seconds before every answer."""
    status: int = 0
    """Answer with this code: 401 (as for an expired token), 429 (plain text, Retry-After), 500, 503."""
    retry_after: int = 1
    """Seconds in the Retry-After of 429."""
    drop_watches: bool = False
    """Cut the connections of all open watches and followed logs."""
    compact: bool = False
    """Forget the history: older resourceVersions and continue tokens get 410."""

    @classmethod
    def parse(cls, given: Any) -> Self:
        """Faults from JSON. Raises ValueError naming the field that is unknown or of a wrong type."""
        if not isinstance(given, dict):
            raise ValueError("a JSON object is needed")  # noqa: TRY004
        faults = cls()
        known = {field.name: type(getattr(faults, field.name)) for field in fields(cls)}
        for name, value in given.items():
            wanted = known.get(name)
            if wanted is None:
                raise ValueError(f"unknown field {name!r}; known are {', '.join(known)}")
            if not isinstance(value, wanted) and not (wanted is float and type(value) is int):
                raise ValueError(f"field {name!r} must be a {wanted.__name__}")
        return replace(faults, **given)
