"""Everything about one pod or workload."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar, Final

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import beside, bindings_of
from console.screens.reading import ReadingScreen
from console.session.failure import SessionError
from console.views.baselines import QUANTITIES
from console.views.detail import detail_lines
from console.views.series import series_of
from fleet.model.baseline import BaselineQuestion, Baselines
from fleet.model.snapshot import Snapshot

_ASK_EVERY: Final = 300.0
"""Seconds between two questions for what is usual: an answer is of whole hours."""


class DetailScreen(ReadingScreen):
    """One page, so that nothing of it is hidden behind a tab: it scrolls, and ``/`` finds."""

    where = ScreenId.DETAIL
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.DETAIL)

    def __init__(self, desk: Desk, key: str) -> None:
        self._key = key
        self._usual: Baselines | None = None
        self._asked = -math.inf
        super().__init__(desk)

    @property
    def subject(self) -> str | None:
        return self._key

    def body(self) -> Iterable[Widget]:
        yield self.page

    def draw(self, snapshot: Snapshot) -> None:
        self.page.show(lambda width, glyphs: detail_lines(snapshot, self._key, width, glyphs, self._usual))
        if snapshot.at - self._asked >= _ASK_EVERY and series_of(snapshot, self._key) is not None:
            self._asked = snapshot.at
            self._ask_what_is_usual()
        if self._key in snapshot.pods:
            self.desk.session.focus(frozenset({self._key}))

    @beside("usual")
    async def _ask_what_is_usual(self) -> None:
        """Ask what its numbers were on other days; without an answer the page has nothing to say of it."""
        snapshot = self.desk.snapshot
        series = series_of(snapshot, self._key) if snapshot is not None else None
        if snapshot is None or series is None:
            return
        question = BaselineQuestion(self._key, series, QUANTITIES, snapshot.at)
        try:
            self._usual = await self.desk.session.baselines(question)
        except SessionError:
            return
        self.draw(snapshot)
