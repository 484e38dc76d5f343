"""Moments and durations as users type them."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST = 1000 * 365 * 86_400
_DIGITS = 12
"""More digits make any unit longer than that."""
_AGO = re.compile(r"(?:\d+[smhdw])+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def moment(text: str, *, end: bool = False, now: Callable[[], float] = time.time) -> float:
    """Return the Unix time of ``2h``, ``1d12h``, ``-15m`` (ago), ``14:02[:30]`` (the last one), ``2026-11-20`` or
    ``2026-11-20T14:02[:30][Z]``.

    Without a time zone it is in this machine's. A date is its first moment; with ``end`` its last. Raises
    argparse.ArgumentTypeError.
    """
    if _AGO.fullmatch(ago := text.removeprefix("-")):
        return now() - _seconds(ago)
    try:
        if clock := _CLOCK.fullmatch(text):
            return _last(int(clock[1]), int(clock[2]), int(clock[3] or 0), now())
        found = datetime.fromisoformat(text)
        if end and _DATE.fullmatch(text):
            found += timedelta(days=1, microseconds=-1)
        return found.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f'"{text}" is not a time, such as 14:02, 2h (ago), 2026-11-20 or 2026-11-20T14:02Z'
        ) from None


def length(text: str) -> float:
    """Return the seconds of ``30m``, ``2h`` or ``1d12h``; a number needs a unit. Raises argparse.ArgumentTypeError."""
    if not _AGO.fullmatch(text):
        raise argparse.ArgumentTypeError(f'"{text}" is not a duration, such as 30m, 2h or 1d12h')
    return float(_seconds(text))


def _seconds(text: str) -> int:
    """Raises argparse.ArgumentTypeError for more than a clock can show."""
    parts = re.findall(r"0*(\d+)([smhdw])", text)
    found = sum(int(number[:_DIGITS]) * _UNITS[unit] for number, unit in parts)
    if found > _LONGEST:
        raise argparse.ArgumentTypeError(f'"{text}" is longer than a thousand years')
    return found


def _last(hour: int, minute: int, second: int, now: float) -> float:
    """Return the last time that the clock of this machine showed that. Raises ValueError."""
    today = datetime.fromtimestamp(now, UTC).astimezone().replace(tzinfo=None)
    found = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if found > today:
        found -= timedelta(days=1)
    # Local time without a zone: the offset of that day applies, not today's.
    return found.astimezone(UTC).timestamp()


def moment_until(text: str) -> float:
    """The same, for the end of a range."""
    return moment(text, end=True)
