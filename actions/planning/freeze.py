"""Windows in which nothing is to be changed: every week on some days, or once, in the time of the people who set them.

A window that comes again is from a time of day to another in its time zone, so that it moves with daylight saving.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Final
from zoneinfo import ZoneInfo

from fleet.dataclass import dataclass

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST: Final = 7
"""Days that a window may last until it begins again."""


@dataclass(frozen=True, slots=True)
class FreezeWindow:
    """One window."""

    name: str
    begins: str
    """A time of day (``16:00``), or a moment (``2026-12-18T16:00``)."""
    ends: str
    days: tuple[str, ...] = ()
    """Days of the week on which it begins; empty for every day. Of a moment they say nothing."""
    zone: str = "UTC"
    """IANA name of the time zone."""
    lasts: int = 0
    """Days from its first to its last; at least one, if its end is not later than its beginning."""
    why: str = ""
    namespaces: tuple[str, ...] = ()
    """Shell patterns of the namespaces that it is for; empty for all."""
    blocks: bool = False
    """True if it forbids changes; else it asks for a reason."""

    def until(self, now: float) -> float | None:
        """The Unix time at which it ends, where it is now; None where it is not. Raises ValueError: see ``faults``."""
        return next((end for begin, end in self._around(now) if begin <= now < end), None)

    def is_for(self, namespace: str) -> bool:
        """True if objects of this namespace are frozen; those of the cluster always are."""
        return not namespace or not self.namespaces or any(fnmatchcase(namespace, one) for one in self.namespaces)

    def faults(self) -> Iterator[str]:
        """Yield its problems, in words."""
        try:
            ZoneInfo(self.zone)
        except (ValueError, OSError, KeyError):
            yield f"there is no time zone {self.zone!r}"
            return
        yield from (
            f"{day!r} is not a day of the week: one of {', '.join(DAYS)}" for day in self.days if day not in DAYS
        )
        try:
            begin, end = _read(self.begins), _read(self.ends)
        except ValueError as error:
            yield str(error)
            return
        if isinstance(begin, time) is not isinstance(end, time):
            yield "one of its ends is a time of day and the other a date and time"
        elif isinstance(begin, datetime) and isinstance(end, datetime) and self._at(begin) >= self._at(end):
            yield "it ends before it begins"

    def _around(self, now: float) -> Iterator[tuple[float, float]]:
        """Yield the windows that may hold a moment."""
        begin, end = _read(self.begins), _read(self.ends)
        if isinstance(begin, datetime) and isinstance(end, datetime):
            yield self._at(begin), self._at(end)
        elif isinstance(begin, time) and isinstance(end, time):
            today = datetime.fromtimestamp(now, ZoneInfo(self.zone)).date()
            lasts = max(self.lasts, int(end <= begin))
            for back in range(_LONGEST + 1):
                day = today - timedelta(days=back)
                if not self.days or DAYS[day.weekday()] in self.days:
                    yield self._of(day, begin), self._of(day + timedelta(days=lasts), end)

    def _of(self, day: date, at: time) -> float:
        return self._at(datetime.combine(day, at))

    def _at(self, moment: datetime) -> float:
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.zone))).timestamp()


def _read(text: str) -> time | datetime:
    """A time of day or a moment. Raises ValueError, in words."""
    for read in (time.fromisoformat, datetime.fromisoformat):
        try:
            found = read(text)
        except ValueError:
            continue
        if isinstance(found, datetime) or found.tzinfo is None:
            return found
    raise ValueError(f"{text!r} is neither a time of day (16:00) nor a date and time (2026-12-18T16:00)")


def active(windows: Iterable[FreezeWindow], namespace: str, now: float) -> tuple[FreezeWindow, float] | None:
    """Return the window of a namespace that ends last, and its end; None if there is none."""
    found = [(window, end) for window in windows if window.is_for(namespace) and (end := window.until(now))]
    return max(found, key=lambda one: (one[0].blocks, one[1]), default=None)


def in_words(end: float, zone: str) -> str:
    """The end of a window, in its time zone: ``Mon 30 Nov 08:00 CET``."""
    return datetime.fromtimestamp(end, UTC).astimezone(ZoneInfo(zone)).strftime("%a %d %b %H:%M %Z")
