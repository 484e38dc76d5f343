"""The baselines of a screen's object: requested in the background, and again after some minutes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from console.screens.base import BESIDE, ConsoleScreen
from console.session.failure import SessionError
from console.views.baselines import QUANTITIES
from console.views.series import series_of
from fleet.model.baseline import BaselineQuestion, Baselines
from fleet.model.curve import Series
from fleet.model.snapshot import Snapshot

if TYPE_CHECKING:
    from textual.worker import WorkType

_ASK_EVERY: Final = 300.0
"""Seconds between two questions: an answer is of whole hours."""


class Usual:
    """Belongs to one screen, which is drawn again when there is an answer."""

    def __init__(self, screen: ConsoleScreen) -> None:
        self._screen = screen
        self._asked: tuple[str, float] = ("", -math.inf)
        self._found: tuple[str, Baselines] | None = None

    def of(self, snapshot: Snapshot, key: str) -> Baselines | None:
        """The last answer about an object, None before there is one; asks where that is due."""
        of, at = self._asked
        if (key != of or snapshot.at - at >= _ASK_EVERY) and _series(snapshot, key) is not None:
            self._asked = key, snapshot.at
            work: WorkType[None] = self._ask
            self._screen.run_worker(work, group="usual", **BESIDE)
        return self._found[1] if self._found is not None and self._found[0] == key else None

    async def _ask(self) -> None:
        """Request them; without an answer the page leaves them out."""
        snapshot, (key, _) = self._screen.desk.snapshot, self._asked
        series = _series(snapshot, key) if snapshot is not None else None
        if snapshot is None or series is None:
            return
        question = BaselineQuestion(key, series, QUANTITIES, snapshot.at)
        try:
            self._found = key, await self._screen.desk.session.baselines(question)
        except SessionError:
            return
        self._screen.draw(snapshot)


def _series(snapshot: Snapshot, key: str) -> Series | None:
    """Return the series of an object that serves requests; None for cards and nodes, which have other metrics."""
    series = series_of(snapshot, key)
    return None if series is None or series.cards or series.gpu[0] else series
