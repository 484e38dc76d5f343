"""Screens of text: ``/`` searches, n and N go from match to match, w wraps."""

from __future__ import annotations

from console.commands.desk import Desk
from console.screens.base import ConsoleScreen
from fleet.model.counting import share
from widgets.text_pane import TextPane


class SearchedScreen(ConsoleScreen):
    """Base of the screens with a text pane."""

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
        found = self._pane.search(text)
        if found:
            self._say_place()
        return None if found or not text else f"{text!r} is not there"

    def _say_place(self) -> None:
        """Show which match it is, and the number of matching lines."""
        at, count = self._pane.matches
        if count:
            self.say(f"line {share(at, count, 'line')} with {self._searched!r}")

    def back(self) -> bool:
        if not self._searched:
            return False
        self.narrow("")
        return True

    def step_match(self, step: int) -> None:
        self._pane.action_match(step)
        self._say_place()

    def toggle_wrap(self) -> None:
        self._pane.action_wrap()
