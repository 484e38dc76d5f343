"""The line of a Snapshot that reports an unexpected error in this program, while it lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fleet.model.snapshot import Snapshot, SourceStatus
from fleet.sources.status import defect


class DefectLine:
    """The last unexpected error during observation: the user sees it along with the rest.

    A screen that silently stops updating is the worst that this program could do to its user.
    """

    def __init__(self, clock: Callable[[], float], report: Callable[[Exception], str]) -> None:
        """``report`` stores the details of an error and returns where (empty for nowhere)."""
        self._clock = clock
        self._report = report
        self._status: SourceStatus | None = None

    def status_of(self, error: Exception) -> SourceStatus:
        """Report an error, and return the line about it."""
        return defect(error, self._clock(), self._report(error))

    def note(self, error: Exception) -> None:
        """Show an error from now on. A lasting one is reported once: a report per tick would fill the disk."""
        self._status = self._status or self.status_of(error)

    def clear(self) -> None:
        """Stop showing the error."""
        self._status = None

    def on(self, snapshot: Snapshot) -> Snapshot:
        """Return the Snapshot with the line, if there is an error."""
        return snapshot if self._status is None else replace(snapshot, sources=(self._status, *snapshot.sources))
