"""Rows of a column whose numbers reach a limit, found without visiting each number.

The first two bytes of an IEEE 754 double (sign, exponent, four bits of the mantissa) already order positive numbers, to
one part in sixteen. Those bytes of a whole column form two strings, which are searched at memory speed: in a tenth of
the time of ``max`` over the column, which makes an object of each number. The few remaining rows are compared.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from operator import add
from typing import NamedTuple

_FIRST, _SECOND = (7, 6) if sys.byteorder == "little" else (0, 1)
"""Place of the two bytes among the eight of a number."""


def rows_at_least(values: array[float], limit: float) -> list[int]:
    """Return the rows whose number is at or above a limit greater than 0, in order; NaN is excluded."""
    raw = values.tobytes()
    first, second, masks = raw[_FIRST::8], raw[_SECOND::8], _masks(limit)
    marked = _flags(first, masks.above)
    if same := _flags(first, masks.same):
        marked |= same & _flags(second, masks.onwards)
    if marked and (unknown := _flags(first, _NAN_FIRST)):
        marked &= ~(unknown & _flags(second, _NAN_SECOND))
    return [row for row in _rows(marked, len(first)) if values[row] >= limit]


def rows_of_zero(values: array[float]) -> list[int]:
    """Return the rows whose number is exactly 0, in order."""
    raw = values.tobytes()
    first = raw[_FIRST::8]
    marked = _flags(first, _ZERO_FIRST)
    if marked:
        marked &= _flags(raw[_SECOND::8], _ZERO_SECOND)
    return [row for row in _rows(marked, len(first)) if values[row] == 0]


class _Masks(NamedTuple):
    """Bytes of numbers at or above a limit, each as a table for ``bytes.translate`` that makes 1 of them."""

    above: bytes
    """First bytes that alone are enough."""
    same: bytes
    """The first byte for which the second one decides."""
    onwards: bytes
    """The second bytes that do."""


def _table(wanted: range | tuple[int, ...]) -> bytes:
    return bytes(int(byte in wanted) for byte in range(256))


_NAN_FIRST, _NAN_SECOND = _table((0x7F, 0xFF)), _table((0xF8,))
"""The NaN of an unmeasured value."""
_ZERO_FIRST, _ZERO_SECOND = _table((0x00, 0x80)), _table((0x00,))


@lru_cache(maxsize=256)
def _masks(limit: float) -> _Masks:
    if limit <= 0:
        raise ValueError("the limit of a search must be above 0")
    first, second = struct.pack(">d", limit)[:2]
    return _Masks(_table(range(first + 1, 0x80)), _table((first,)), _table(range(second, 256)))


def _flags(column: bytes, table: bytes) -> int:
    """A byte for each row, 1 where the table has 1 for it, as one number: ``&`` and ``|`` go over all rows at once."""
    return int.from_bytes(column.translate(table), "little")


def _rows(marked: int, count: int) -> Sequence[int]:
    """Return the rows that are marked."""
    return _places(marked, count) if marked else ()


@lru_cache(maxsize=32)
def _places(marked: int, count: int) -> Sequence[int]:
    """Return the places of the marks: each follows the unmarked bytes before it, and the marks before it.

    Kept, because other numbers mostly reach a limit in the same rows as those before.
    """
    unmarked = marked.to_bytes(count, "little").split(b"\x01")
    return tuple(map(add, accumulate(map(len, unmarked)), range(len(unmarked) - 1)))
