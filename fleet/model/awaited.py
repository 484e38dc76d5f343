"""The time before the first measurement: that an object has no numbers says nothing about it yet."""

from __future__ import annotations

from fleet.model.snapshot import Health, Snapshot


def is_awaited(snapshot: Snapshot) -> bool:
    """True if nothing has been measured so far, and a source has only just begun."""
    return snapshot.measured_at is None and any(one.health is Health.STARTING for one in snapshot.sources)
