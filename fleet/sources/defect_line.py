"""The line of a Snapshot that tells of a bug of ours, for as long as it lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fleet.model.snapshot import Snapshot, SourceStatus
from fleet.sources.status import defect


class DefectLine:
    """The last error that nobody foresaw while a cluster is observed: whoever looks is told, and sees the rest.

    A screen that stands still in silence is the worst that this program could do to the person before it.
    """

    def __init__(self, clock: Callable[[], float], report: Callable[[Exception], str]) -> None:
        """``report`` keeps the details of an error and says where (empty for nowhere)."""
        self._clock = clock
        self._report = report
        self._status: SourceStatus | None = None

    def status_of(self, error: Exception) -> SourceStatus:
        """Report an error, and return the line about it."""
        return defect(error, self._clock(), self._report(error))

    def note(self, error: Exception) -> None:
        """Tell of an error from now on. One that lasts is reported once: a report per tick would fill the disk."""
        self._status = self._status or self.status_of(error)

    def clear(self) -> None:
        """Tell of nothing any more."""
        self._status = None

    def on(self, snapshot: Snapshot) -> Snapshot:
        """The Snapshot with the line, where there is something to tell."""
        return snapshot if self._status is None else replace(snapshot, sources=(self._status, *snapshot.sources))
