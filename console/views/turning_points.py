"""A turning point of the past in one line, for the message above the keys."""

from __future__ import annotations

from console.views.severity_since import clock_to_seconds
from console.views.timeline import event_text, place
from fleet.timeline.turning_points import SEEN_BY, TurningPoint
from widgets.untrusted import untrusted, untrusted_line


def point_text(point: TurningPoint) -> str:
    """Return ``14:02:11 deployment/chat: replicas 3 → 5  by mia; and 2 more``; an onset comes before changes."""
    onsets = [f"began: {untrusted(one.sentence).rstrip('.')}" for one in point.onsets]
    changes = [
        f"{untrusted(place(entry.about))}: {untrusted_line(event_text(entry))}" for entry in reversed(point.changes)
    ]
    first, *others = (*onsets, *changes)
    more = f"; and {len(others)} more" if others else ""
    return f"{clock_to_seconds(point.at - SEEN_BY)} {first}{more}"
