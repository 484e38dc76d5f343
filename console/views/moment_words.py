"""The moment of the past that is in view, in words for the header."""

from __future__ import annotations

from console.views.severity_since import clock_to_seconds, coarse
from fleet.model.in_past import is_past
from fleet.model.snapshot import Snapshot
from widgets.values import age_text


def moment_in_words(snapshot: Snapshot | None, now: float, way_back: str) -> str:
    """The moment of a Snapshot of the past: ``13:41:00  21m ago  actions off  esc now``; empty for one of now."""
    if snapshot is None or not is_past(snapshot):
        return ""
    ago = age_text(coarse(max(0.0, now - snapshot.at)))
    return f"{clock_to_seconds(snapshot.at)}  {ago} ago  actions off  {way_back}"
