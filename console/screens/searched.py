"""Screens of text: ``/`` searches, n and N go from match to match, w wraps."""

from __future__ import annotations

from console.commands.desk import Toggle
from console.screens.base import ConsoleScreen
from console.screens.console import Console
from widgets.text_pane import TextPane


class SearchedScreen(ConsoleScreen):
    """Base of the screens whose text is in one pane."""

    def __init__(self, console: Console, pane: TextPane) -> None:
        self._pane = pane
        self._searched = ""
        super().__init__(console)

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

    def toggle(self, switch: Toggle) -> None:
        if switch is Toggle.WRAP:
            self._pane.action_wrap()
