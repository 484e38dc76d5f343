"""Times since when workloads have had their severity, as observed by this console."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import NamedTuple

from console.views.subject import assessment_of
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot


class ShownSince(NamedTuple):
    """``at`` is Unix time. ``exact`` is False for a state older than the console's first Snapshot."""

    at: float
    exact: bool


class SinceTracker:
    """Records at which Snapshot a workload's severity changed. Keeps only the workloads of the last Snapshot."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Severity, ShownSince]] = {}
        self._started = False

    def observe(self, snapshot: Snapshot) -> None:
        """Observe a Snapshot. To be called with every one, in order."""
        if not snapshot.is_judged:
            return
        seen: dict[str, tuple[Severity, ShownSince]] = {}
        for key in snapshot.workloads:
            severity = assessment_of(snapshot, key).severity
            before = self._seen.get(key)
            if before is not None and before[0] is severity:
                seen[key] = before
            else:
                seen[key] = (severity, ShownSince(snapshot.at, self._started))
        self._seen = seen
        # The first Snapshots are built while sources are still starting: their differences are not changes.
        self._started = self._started or bool(snapshot.workloads and snapshot.measured_at is not None)

    def since(self, key: str) -> ShownSince | None:
        """Return the time; None if unknown."""
        found = self._seen.get(key)
        return found[1] if found is not None else None


def clock(at: float) -> str:
    """A moment on the clock of the person in front: ``14:02``."""
    return f"{datetime.fromtimestamp(at, tz=UTC).astimezone():%H:%M}"


def clock_to_seconds(at: float) -> str:
    """The same to the second: ``14:02:30``."""
    return f"{datetime.fromtimestamp(at, tz=UTC).astimezone():%H:%M:%S}"


def since_text(since: ShownSince) -> str:
    """``since 14:02``, or ``since 14:02 or earlier``."""
    return f"since {clock(since.at)}{'' if since.exact else ' or earlier'}"


def coarse(age: float) -> float:
    """An age in steps of 10 s in the first minute and of minutes from then on, so that an idle screen is quiet."""
    step = 10.0 if age < 60 else 60.0
    return age if math.isnan(age) else age // step * step
