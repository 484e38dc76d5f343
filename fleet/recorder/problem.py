"""Problems of a recording, in words for the person who named it."""

from __future__ import annotations

import zlib
from typing import Any

LARGEST = 128 * 2**20
"""Bytes that one frame may become: all objects of 5,000 pods take some 10 MiB."""


YEAR_9999 = 253_402_300_799.0
"""Unix time: the last that has a date."""


class RecordingError(Exception):
    """A file that is no recording, or one of which no more can be read. What is wrong, and what to do about it."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


class UnusableError(RecordingError):
    """Raised when there is no recording under its name, or a damaged one: nobody can go on with it."""


def first_problem(error: ValueError) -> str:
    """Return what a check of types found first: where, and what; never what stands there."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
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
            raise ValueError("a number in it is larger than any in a cluster")


def inflated(data: bytes) -> bytes:
    """Inflate what was deflated. Raises RecordingError for what is damaged, and for what would not fit into memory."""
    inflater = zlib.decompressobj()
    try:
        whole = inflater.decompress(data, LARGEST)
    except zlib.error as error:
        raise RecordingError(f"a part of it is damaged: {error}") from None
    if not inflater.eof:
        raise RecordingError("a part of it is cut off, or larger than any recording")
    return whole
