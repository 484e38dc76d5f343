"""Problems of a recording, in words for its user."""

from __future__ import annotations

import zlib
from typing import Any

from fleet.explained_error import ExplainedError

LARGEST = 128 * 2**20
"""Largest size of an inflated frame in bytes: all objects of 5,000 pods take some 10 MiB."""


VALUES = 6_000_000
"""Most values in one frame: each takes a hundred times its byte once it is read. All objects of 5,000 pods have some
hundred thousand."""
_QUOTED = 1000
"""Most problems among which the first is looked for: of millions each would have to be put into words."""
YEAR_9999 = 253_402_300_799.0
"""Unix time: the last that has a date."""


class RecordingError(ExplainedError):
    """A file that is not a recording, or has become unreadable: what is wrong, and what to do about it."""


class UnusableError(RecordingError):
    """Raised if there is no recording under this name, or it is damaged: it cannot be appended to."""


def first_problem(error: ValueError) -> str:
    """Return the first error of a type check: where, and what; never the value."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    if error.error_count() > _QUOTED:
        return f"it has {error.error_count()} errors"
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def check_numbers(value: Any) -> None:
    """Raises ValueError for a number in a JSON value that no cluster has: as a time it would have no date."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, int | float) and not -YEAR_9999 <= one <= YEAR_9999:
            raise ValueError("one of its numbers is too large")


def json_in(data: bytes) -> bytes:
    """Return the JSON text of a frame. Raises RecordingError, also where it would fill the memory when it is read."""
    text = inflated(data)
    if sum(text.count(sign) for sign in (b",", b"[", b"{")) > VALUES:
        raise RecordingError("a part of it has too many values")
    return text


def inflated(data: bytes) -> bytes:
    """Inflate data. Raises RecordingError if it is damaged, or would not fit into memory."""
    inflater = zlib.decompressobj()
    try:
        whole = inflater.decompress(data, LARGEST)
    except zlib.error as error:
        raise RecordingError(f"a part of it is damaged: {error}") from None
    if not inflater.eof:
        raise RecordingError("a part of it is truncated, or too large for a recording")
    return whole
