"""Base of reading screens: a page of lines with a search."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from console.commands.desk import Desk
from console.screens.page import Page
from console.screens.searched import SearchedScreen


class ReadingScreen(SearchedScreen):
    """Base of the screens whose body is a Page."""

    def __init__(self, desk: Desk) -> None:
        self.page = Page()
        super().__init__(desk, self.page)

    def body(self) -> Iterable[Widget]:
        yield self.page
