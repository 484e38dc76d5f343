"""The mark of a Snapshot of the past: a source of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fleet.model.snapshot import Snapshot

PAST: Final = "past"
"""Name of the source of a Snapshot that shows how everything was at a moment before now."""


def is_past(snapshot: Snapshot | None) -> bool:
    """True if it shows a moment before now: nothing can be done there."""
    return snapshot is not None and any(source.name == PAST for source in snapshot.sources)
