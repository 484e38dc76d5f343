"""The screen of the sources."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from console.commands.command import ScreenId
from console.screens.base import bindings_of
from console.screens.reading import ReadingScreen
from console.views.sources import source_lines
from fleet.model.snapshot import Snapshot


class SourcesScreen(ReadingScreen):
    """The screen of the sources: since when each is read, what is wrong with it, and what to do."""

    where = ScreenId.SOURCES
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.SOURCES)

    def draw(self, snapshot: Snapshot) -> None:
        self.page.show(lambda width, glyphs: source_lines(snapshot, width, glyphs))
