"""Readings as text: three significant figures, one unit, never more precision than is known.

A missing value is ``–`` and an unknown one ``?``, never ``0``; a percentile that its histogram bounds is ``≤0.3s`` or
``≥2560s``, or ``20–40s`` if only a broad bucket is known. Pure functions; the roles come with the text.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from fleet.model.quantity import Unit
from fleet.model.reading import Bound, Reading, State
from themes.glyphs import UNICODE, Glyphs
from themes.palette import Role


class Value(NamedTuple):
    """A value as it is drawn."""

    text: str
    role: Role


def significant(value: float) -> str:
    """Three significant figures without an exponent: 0.0123, 1.23, 12.3, 123, 1234; at least one digit.

    Whole numbers stay whole: 7, not 7.00. Numbers below 0.001 in magnitude are ``0``.
    """
    if value == int(value):
        return str(int(value))
    size = abs(value)
    if size >= 99.95:
        return f"{value:.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    if size >= 0.9995:
        return f"{value:.2f}"
    if size < 0.0005:
        return "0"
    return f"{value:.{min(2 - math.floor(math.log10(size)), 3)}f}"


_THOUSANDS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_BINARY = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))


def scaled(value: float) -> str:
    """A count or a rate with k, M, G, T from one thousand on: 999, 1.25k, 31.0k, 1.20M."""
    size = abs(value)
    if size < 999.5:
        return significant(value)
    for factor, suffix in _THOUSANDS:
        # 999,950 is 1.00M, not 1000k: compare with the rounded value.
        if size >= 0.9995 * factor:
            return f"{_three_digits(value / factor)}{suffix}"
    return significant(value)


def _three_digits(value: float) -> str:
    size = abs(value)
    return f"{value:.2f}" if size < 9.995 else f"{value:.1f}" if size < 99.95 else f"{value:.0f}"


def seconds_text(value: float) -> str:
    """A duration of a measurement: 14ms, 1.90s, 2560s; microseconds below a millisecond."""
    size = abs(value)
    if size == 0:
        return "0s"
    if size < 0.0009995:
        return f"{significant(value * 1e6)}µs"
    if size < 0.9995:
        return f"{_milli(value * 1e3)}ms"
    return f"{_three_digits(value) if size < 99.95 else f'{value:.0f}'}s"


def _milli(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 9.5 else f"{value:.1f}"


def bytes_text(value: float) -> str:
    """Bytes in binary units: 512B, 71.2GiB."""
    size = abs(value)
    for factor, suffix in _BINARY:
        if size >= 0.9995 * factor:
            return f"{_three_digits(value / factor)}{suffix}"
    return f"{value:.0f}B"


def percent_text(ratio: float) -> str:
    """Return a ratio 0-1 in per cent without the sign: 94, 4.3, 0.02, 0. Never 100 for less than all, never 0 for
    some.
    """
    percent = ratio * 100
    if percent == 0:
        return "0"
    if 99.5 <= percent < 100:
        return f"{math.floor(percent * 10) / 10:.1f}"
    if 0 < percent < 0.995:
        return f"{max(percent, 0.01):.2f}"
    return f"{percent:.1f}" if abs(percent) < 9.95 else f"{percent:.0f}"


_KILOWATTS = 10_000
"""Watts from which they are scaled: no single card draws as much."""


def number_text(value: float, unit: Unit) -> str:
    """A number in its canonical unit as text with the unit that scaling gives it.

    Ratios, °C, W, MHz and rates come without a sign: the head of the column names it (see ``unit_text``).
    """
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    match unit:
        case Unit.SECONDS:
            return seconds_text(value)
        case Unit.BYTES:
            return bytes_text(value)
        case Unit.RATIO:
            return percent_text(value)
        case Unit.WATTS if value >= _KILOWATTS:
            return scaled(value)
        case Unit.CELSIUS | Unit.WATTS | Unit.MEGAHERTZ:
            return f"{value:.0f}"
        case Unit.COUNT | Unit.TOKENS | Unit.TOKENS_PER_SECOND | Unit.PER_SECOND:
            return scaled(value)


_UNITS = {
    Unit.COUNT: "",
    Unit.RATIO: "%",
    Unit.SECONDS: "",
    Unit.BYTES: "",
    Unit.TOKENS: "tok",
    Unit.TOKENS_PER_SECOND: "tok/s",
    Unit.PER_SECOND: "/s",
    Unit.CELSIUS: "°C",
    Unit.WATTS: "W",
    Unit.MEGAHERTZ: "MHz",
}


WORDS = frozenset({Unit.TOKENS, Unit.TOKENS_PER_SECOND})
"""Units that are words, and so separated from their number."""


def unit_text(unit: Unit) -> str:
    """Return the unit to set beside the text of ``number_text``; empty if the text includes it."""
    return _UNITS[unit]


def reading_text(
    reading: Reading, unit: Unit, *, glyphs: Glyphs = UNICODE, with_unit: bool = False, with_age: bool = False
) -> Value:
    """A reading as text and role.

    ``with_unit`` adds the unit where it does not come with the number (``71°C``); ``with_age`` adds the age to a stale
    value (``1.90s·40s``). A stale value is always drawn in its own role, a reset one like a fresh one.
    """
    if reading.state is State.UNKNOWN:
        return Value(glyphs.unknown, Role.UNKNOWN)
    if not reading.known:
        return Value(glyphs.missing, Role.DIM)
    if reading.bound is Bound.EXACT or math.isnan(reading.edge):
        text = number_text(reading.value, unit)
    elif reading.bound is Bound.WITHIN:
        text = f"{reading.low:g}{glyphs.missing}{_edge_text(reading.edge, unit)}"
    else:
        sign = glyphs.at_most if reading.bound is Bound.AT_MOST else glyphs.at_least
        text = sign + _edge_text(reading.edge, unit)
    if with_unit:
        text += unit_text(unit)
    if reading.state is not State.STALE:
        return Value(text, Role.TEXT)
    return Value(f"{text}{glyphs.between}{age_text(reading.age)}" if with_age else text, Role.STALE)


def _edge_text(edge: float, unit: Unit) -> str:
    """Return a bucket's edge in full, since it is exact (0.3s, 2560s)."""
    return f"{edge:g}s" if unit is Unit.SECONDS else number_text(edge, unit)


def fewer_digits(text: str, width: int) -> str:
    """Return the text with as many decimals as ``width`` cells have room for: 0.047 → 0.05, 12.3k → 12k.

    Unchanged if it fits, or has no decimals to drop: a cut number would be another number.
    """
    over = len(text) - width
    point = _DECIMALS.search(text)
    if over <= 0 or point is None:
        return text
    whole, decimals = point.group().split(".")
    keep = len(decimals) - over
    if keep < -1:
        return text
    return text.replace(point.group(), f"{float(f'{whole}.{decimals}'):.{max(0, keep)}f}", 1)


_DECIMALS = re.compile(r"\d+\.\d+")


def age_text(seconds: float) -> str:
    """Return an age: 0s, 41s, 3m, 3m10s below ten minutes, 5h, 5h20m below ten hours, 3d, 3d4h below ten days, 120d.

    A time in the future (the clocks of two machines) is ``0s``; NaN is empty.
    """
    if math.isnan(seconds):
        return ""
    total = max(0, int(min(seconds, 1e12)))
    for size, name, below, next_size, next_name in (
        (86_400, "d", 10, 3_600, "h"),
        (3_600, "h", 10, 60, "m"),
        (60, "m", 10, 1, "s"),
    ):
        if total >= size:
            whole, rest = divmod(total, size)
            rest //= next_size
            return f"{whole}{name}{rest}{next_name}" if whole < below and rest else f"{whole}{name}"
    return f"{total}s"
