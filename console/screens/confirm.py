"""A question before something that cannot be undone: the safe answer has the focus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import ConsoleScreen, bindings_of
from console.screens.page import Page
from console.views.layout import followed
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import BLANK, Line, Span
from widgets.push_button import PushButton


class Buttons(Horizontal):
    """Buttons side by side, the first one the harmless one."""

    BLANK = True
    DEFAULT_CSS = """
    Buttons {
        height: 1;
        padding-left: 3;
    }
    """


class ConfirmScreen(ConsoleScreen):
    """``then`` is called when the second button is pressed; the screen closes either way."""

    where = ScreenId.CONFIRM
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.CONFIRM)
    AUTO_FOCUS = ""

    def __init__(
        self, desk: Desk, title: str, lines: Sequence[str], stay: str, go: str, then: Callable[[], None]
    ) -> None:
        super().__init__(desk)
        self.title_, self._lines, self._then = title, tuple(lines), then
        self.page = Page()
        self.page.can_focus = False
        self.stay, self.go = PushButton(stay, id="stay"), PushButton(go, Role.WARNING, id="go")

    def body(self) -> Iterable[Widget]:
        yield self.page
        yield Buttons(self.stay, self.go)

    def on_mount(self) -> None:
        self.set_focus(self.stay)
        self.page.show(self._page)

    def _page(self, width: int, glyphs: Glyphs) -> list[Line]:
        del glyphs
        lines = [Line((Span(f" {self.title_}", Role.WARNING),)), BLANK]
        for line in self._lines:
            lines += followed((Span("   "),), line, Role.TEXT, width, 3)
        return lines

    def on_push_button_pressed(self, message: PushButton.Pressed) -> None:
        self.desk.navigator.go_back()
        if message.button is self.go:
            self._then()
