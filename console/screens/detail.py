"""Everything about one pod or workload."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import bindings_of
from console.screens.baselines import Usual
from console.screens.loading_progress import Starts
from console.screens.reading import ReadingScreen
from console.views.detail import detail_lines
from fleet.model.snapshot import Snapshot


class DetailScreen(ReadingScreen):
    """A single page, so that nothing is hidden behind a tab: it scrolls, and ``/`` searches."""

    where = ScreenId.DETAIL
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.DETAIL)

    def __init__(self, desk: Desk, key: str) -> None:
        self._key = key
        super().__init__(desk)
        self._usual = Usual(self)
        self._starts = Starts(self)

    @property
    def subject(self) -> str | None:
        return self._key

    def body(self) -> Iterable[Widget]:
        yield self.page

    def draw(self, snapshot: Snapshot) -> None:
        usual = self._usual.of(snapshot, self._key)
        pods = [pod for key in snapshot.pods_of.get(self._key, (self._key,)) if (pod := snapshot.pods.get(key))]
        starts = self._starts.of(snapshot, pods)
        self.page.show(lambda width, glyphs: detail_lines(snapshot, self._key, width, glyphs, usual, starts))
        if self._key in snapshot.pods:
            self.desk.session.focus(frozenset({self._key}))
