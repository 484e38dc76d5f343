"""The timeline in lines: time, object, event, author."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from fleet.model.counting import count
from fleet.model.objects import ObjectRef
from fleet.timeline.entry import Entry
from fleet.timeline.timeline import Timeline
from themes.glyphs import Glyphs
from widgets.untrusted import untrusted, untrusted_line

_PRECISE = 1.0
"""Seconds: a time known more precisely is shown without a tolerance."""


def utc_text(entry: Entry) -> str:
    """The time of an entry in UTC, with how far it may be off where that is more than a second."""
    at = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return at if entry.within <= _PRECISE else f"{at} +{span(entry.within)}"


def clock(at: float, now: float) -> str:
    """The time of day of a moment in UTC; the day, too, where it is not today's."""
    moment, today = (datetime.fromtimestamp(one, UTC) for one in (at, now))
    return moment.strftime("%H:%M:%S" if moment.date() == today.date() else "%b %d %H:%M")


def span(seconds: float) -> str:
    """So many seconds, in the largest unit that has two digits or fewer."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def place(ref: ObjectRef) -> str:
    """Return an object in kubectl's notation, with its namespace in front."""
    name = f"{ref.kind.lower()}/{ref.name}" if ref.kind else ref.name
    return f"{ref.namespace}/{name}" if ref.namespace else name


def event_text(entry: Entry, *, by: bool = True) -> str:
    """Return an event, its number of occurrences and, optionally, its author, in one line."""
    text, several = entry.what, len(entry.objects)
    if entry.times > 1:
        often = count(several, "object") if several == entry.times else count(entry.times, "time")
        of = f" of {count(several, 'object')}" if several not in (0, entry.times) else ""
        within = f" within {span(entry.last - entry.at)}" if entry.last is not None and entry.last > entry.at else ""
        text = f"{text} ({often}{of}{within})"
    return f"{text}  by {entry.who}" if by and entry.who else text


def lines(timeline: Timeline, width: int, glyphs: Glyphs, *, changes: bool = True) -> Iterator[str]:
    """Yield one line for each entry, cut to ``width``, and its changes below if there are several."""
    names = [untrusted(place(entry.about)) for entry in timeline.entries]
    widest = min(max(map(len, names), default=0), max(16, width // 3))
    for entry, name in zip(timeline.entries, names, strict=True):
        shown = name if len(name) <= widest else glyphs.ellipsis + name[-(widest - len(glyphs.ellipsis)) :]
        yield _cut(f"{utc_text(entry)}  {shown:<{widest}}  {untrusted_line(event_text(entry))}", width, glyphs)
        if changes and len(entry.changes) > 1:
            for change in entry.changes:
                yield _cut(f"{'':19}  {'':<{widest}}    {untrusted_line(change)}", width, glyphs)


def _cut(line: str, width: int, glyphs: Glyphs) -> str:
    return line if len(line) <= width else line[: width - len(glyphs.ellipsis)] + glyphs.ellipsis
