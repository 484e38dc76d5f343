"""Describe and YAML: a text that is read once, on request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import Context, ScreenId
from console.commands.desk import Desk
from console.screens.base import background, bindings_of
from console.screens.lines import Lines
from console.screens.searched import SearchedScreen
from console.session.failure import SessionError
from console.views import kubectl
from console.views.object_links import named_in
from fleet.model.counting import count
from fleet.model.objects import ObjectRef
from themes.palette import Role
from widgets.document_view import DocumentView
from widgets.line import Line, Span
from widgets.untrusted import untrusted


class TextScreen(SearchedScreen):
    """``read`` is awaited in the background: keys work meanwhile, and esc cancels it."""

    where = ScreenId.DOCUMENT
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.DOCUMENT)

    DEFAULT_CSS = """
    TextScreen #title {
        height: 1;
    }
    """

    def __init__(self, desk: Desk, title: str, read: Callable[[], Awaitable[str]], of: ObjectRef | None = None) -> None:
        """``of``: the object described, whose references can be followed."""
        self.text = DocumentView("reading …")
        self._of = of
        self._named: Sequence[ObjectRef] = ()
        super().__init__(desk, self.text)
        self._title = Lines(id="title")
        self._words = title
        self._read = read

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self.text

    def on_mount(self) -> None:
        line = Line((Span(f" {untrusted(self._words)}", Role.STRONG),))
        self._title.show(lambda _width, _glyphs: [line])
        self._load()

    @background("read")
    async def _load(self) -> None:
        try:
            text = await self._read()
        except SessionError as error:
            self.text.show(f"{error.message}\n{error.remedy}")
            self.say(error.message, Role.ERROR)
            return
        self.text.show(text)
        if self._of is not None and self.desk.snapshot is not None:
            found = named_in(text, self._of, self.desk.snapshot)
            self._named = [ref for _, ref in found]
            self.text.link([link for link, _ in found])
            self.show_keys()

    def context(self, argument: str = "") -> Context:
        return super().context(argument)._replace(target=self._of)

    def copied(self) -> tuple[str, str]:
        lines = self.text.shown
        return "\n".join(lines), f"the {count(len(lines), 'line')} on the screen"

    def as_kubectl(self) -> str:
        if self._of is None:
            return ""
        return kubectl.get(self._of, "-o", "yaml") if self._words.startswith("yaml") else kubectl.describe(self._of)

    @property
    def has_links(self) -> bool:
        """True if it names something that can be opened."""
        return bool(self._named)

    def step_link(self, step: int) -> None:
        self.text.step_link(step)
        if self.text.linked >= 0:
            self.say(f"enter describes {self._named[self.text.linked]}")

    def open_link(self) -> None:
        if self.text.linked < 0:
            self.step_link(1)
        else:
            self.desk.pages.open_describe(self._named[self.text.linked])

    def on_document_view_followed(self, message: DocumentView.Followed) -> None:
        self.desk.pages.open_describe(self._named[message.number])

    def toggle_folding(self) -> None:
        self.say("blocks are folded; a click opens one, x opens all" if self.text.toggle_folding() else "")
