"""Screens of text: ``/`` searches, n and N go from match to match, w wraps."""

from __future__ import annotations

from console.commands.desk import Desk
from console.screens.base import ConsoleScreen
from widgets.text_pane import TextPane


class SearchedScreen(ConsoleScreen):
    """Base of the screens whose text is in one pane."""

    narrows_at_once = False

    def __init__(self, desk: Desk, pane: TextPane) -> None:
        self._pane = pane
        self._searched = ""
        super().__init__(desk)

    @property
    def narrowed(self) -> str:
        return self._searched

    def narrow(self, text: str) -> str | None:
        self._searched = text
        return None if self._pane.search(text) or not text else f"{text!r} is not there"

    def back(self) -> bool:
        if not self._searched:
            return False
        self.narrow("")
        return True

    def step_match(self, step: int) -> None:
        self._pane.action_match(step)

    def toggle_wrap(self) -> None:
        self._pane.action_wrap()
