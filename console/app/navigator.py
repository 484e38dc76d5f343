"""Navigation between screens: a new one opens on top, and closing shows the one below."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Final

from console.commands.capabilities import Markable
from console.commands.command import ScreenId
from console.screens.base import ConsoleScreen
from themes.palette import Role
from widgets.message_line import Passing

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen
    from textual.widget import Widget

    from console.commands.desk import Desk


CLIPBOARD: Final = 64 * 1024
"""Bytes that are handed to a clipboard at most."""


class Navigator:
    """Implements console.commands.desk.Navigator on the app's stack of screens."""

    def __init__(self, app: App[None], desk: Desk) -> None:
        self._app = app
        self._desk = desk

    @property
    def front(self) -> ConsoleScreen | None:
        """The nearest of our screens, below dialogs such as the palette."""
        screens = self._screens
        return screens[-1] if screens else None

    @property
    def _screens(self) -> list[ConsoleScreen]:
        """Ours, the fleet first; below them is the first frame, above them may be a dialog."""
        return [screen for screen in self._app.screen_stack if isinstance(screen, ConsoleScreen)]

    def is_in_front(self, *screens: ScreenId) -> bool:
        """True if one of these is in front."""
        front = self.front
        return front is not None and front.where in screens

    def push(self, screen: Screen[None]) -> None:
        """Show a screen on top."""
        self._app.push_screen(screen)

    def open(self, screen: ConsoleScreen) -> None:
        """Show a screen, replacing the front one if it is of the same kind."""
        if self.is_in_front(screen.where):
            self._app.pop_screen()
        self._app.push_screen(screen)

    def close(self, screens: Collection[ScreenId]) -> None:
        """Close these screens while they are in front."""
        while self.is_in_front(*screens):
            self._app.pop_screen()

    def go_back(self) -> None:
        if len(self._screens) > 1:
            self._app.pop_screen()
        else:
            self.say(":q or ctrl-c quits")

    def go_home(self) -> None:
        while len(self._screens) > 1:
            self._app.pop_screen()

    def leave(self, is_left: Callable[[ConsoleScreen], bool]) -> None:
        """Close screens that do not fit what is shown next, and all above them, and clear the marks on others."""
        while any(map(is_left, self._screens)):
            self._app.pop_screen()
        for screen in self._screens:
            if isinstance(screen, Markable):
                screen.forget_marks()

    def forget_hints(self, clicked: Widget | None = None) -> None:
        """Hide hints, before the next key or click: they have been read, or are in the way. What is clicked itself
        stays: a hint may name a command.
        """
        for widget in self.front.children if self.front is not None else ():
            if isinstance(widget, Passing) and widget is not clicked:
                widget.forget_hint()

    def change_theme(self, name: str) -> None:
        self._app.theme = name

    def suspend(self) -> None:
        self._app.action_suspend_process()

    def say(self, text: str, role: Role = Role.TEXT, *, is_event: bool = False) -> None:
        front = self.front
        if front is not None:
            front.say(text, role, is_event=is_event)

    def copy(self, text: str, what: str, *, in_part: bool = True) -> bool:
        # Terminals and multiplexers silently drop a sequence that is too long.
        cut = text.encode()[:CLIPBOARD].decode(errors="ignore")
        whole = cut == text
        if whole or in_part:
            self._app.copy_to_clipboard(cut)
            self.say(f"copied {what}" if whole else f"copied the first {len(cut)} characters of {what}")
        return whole

    def confirm(self, title: str, lines: Sequence[str], stay: str, go: str, then: Callable[[], None]) -> None:
        from console.screens.confirm import ConfirmScreen

        self.open(ConfirmScreen(self._desk, title, lines, stay, go, then))
