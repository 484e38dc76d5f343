"""A text of keys and values (YAML, describe) in colour, with foldable blocks and links."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from textual import events
from textual.message import Message

from fleet.model.counting import count
from themes.palette import Role
from widgets.line import width_of
from widgets.text_view import TextView

_KEY: Final = re.compile(r"^(\s*(?:- )*)([\w./ ()-]+:)(?=\s|$)")
_BAD: Final = re.compile(r"\b(?:Warning|Error|OOMKilled|CrashLoopBackOff|Evicted|BackOff|Failed\w*|Unhealthy)\b")
_COMMENT: Final = re.compile(r"^\s*#")


class TextLink(NamedTuple):
    """A link in the text: its line, and its characters there."""

    line: int
    start: int
    end: int


class DocumentView(TextView):
    """``show`` sets the text, and ``link`` its links. Folded lines are skipped when scrolling."""

    class Followed(Message):
        """A link was clicked: the ``number``-th of those given."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(text, id=id)
        self._folded: frozenset[int] = frozenset()
        """Lines of the text whose blocks are folded."""
        self._shown: Sequence[int] = range(len(self._text))
        """The lines of the text that are not folded away."""
        self._links: Sequence[TextLink] = ()
        self.linked = -1
        """Number of the selected link; -1 for none."""

    def show(self, text: str) -> int:
        self._links, self.linked, self._folded = (), -1, frozenset()
        self._shown = range(len(text.splitlines()))
        return super().show(text)

    @property
    def end(self) -> int:
        return len(self._shown)

    def text(self, number: int) -> str:
        at = self._shown[number]
        if at not in self._folded:
            return self._text[at]
        return f"{self._text[at]} … {count(self._block(at), 'line')}"

    def search(self, pattern: str) -> bool:
        if pattern and self._folded:
            # A match must be rendered to be visible.
            self._fold(frozenset())
        return super().search(pattern)

    # folding

    def toggle_folding(self) -> bool:
        """Fold the blocks below the first level (those of ``spec:``), or open all; return True if some are folded."""
        first = {at for at, line in enumerate(self._text) if line and not line.startswith((" ", "-"))}
        inside = {at for at in range(len(self._text)) if at not in first and _indent(self._text[at]) <= 2}
        blocks = {at for at in inside or first if self._block(at) and _KEY.match(self._text[at])}
        self._fold(frozenset() if self._folded else frozenset(blocks))
        return bool(self._folded)

    def _fold(self, folded: frozenset[int]) -> None:
        top = self._shown[self._at[0]] if self._shown else 0
        self._folded = folded
        shown, at = [], 0
        while at < len(self._text):
            shown.append(at)
            at += 1 + (self._block(at) if at in folded else 0)
        self._shown, self._current = shown, None
        self._move(max((i for i, line in enumerate(shown) if line <= top), default=0), 0)
        self.redraw()

    def _block(self, at: int) -> int:
        """Return the number of lines that belong to a line: those indented further, and a list at the same depth."""
        own, end = _indent(self._text[at]), at + 1
        is_item = self._text[at].lstrip().startswith("- ")
        while end < len(self._text):
            line = self._text[end]
            item = line.lstrip().startswith("- ") and not is_item and _indent(line) == own
            if line.strip() and _indent(line) <= own and not item:
                break
            end += 1
        return end - at - 1

    # links

    def link(self, links: Sequence[TextLink]) -> None:
        """Set the links, by lines of the whole text."""
        self._links, self.linked = links, -1
        self.redraw()

    def step_link(self, step: int) -> None:
        """Select the next link (1) or the previous one (-1), cyclically."""
        if self._links:
            self.linked = (self.linked + step) % len(self._links) if self.linked >= 0 else (0 if step > 0 else -1)
            self.linked %= len(self._links)
            if self._folded:
                self._fold(frozenset())
            self._reveal(self._links[self.linked].line)
            self.redraw()

    def on_click(self, event: events.Click) -> None:
        rows = list(self._rows(self._at, self.size.height))
        if not 0 <= event.y < len(rows):
            return
        number, start, _ = rows[event.y]
        at = self._shown[number]
        column = start + self._offset + event.x
        for i, link in enumerate(self._links):
            if link.line == at and link.start <= column < link.end and width_of(self.text(number)[:column]) == column:
                self.post_message(self.Followed(i))
                return
        if at in self._folded:
            self._fold(self._folded - {at})
        elif self._block(at) and _KEY.match(self._text[at]):
            self._fold(self._folded | {at})

    # drawing

    def colours(self, number: int, text: str) -> Sequence[tuple[int, int, Role]]:
        at = self._shown[number]
        if _COMMENT.match(text):
            return ((0, len(text), Role.DIM),)
        marks: list[tuple[int, int, Role]] = []
        key = _KEY.match(text)
        if key is not None:
            marks += [(0, len(key[1]), Role.DIM), (key.start(2), key.end(2), Role.ACCENT)]
        after = key.end() if key is not None else 0
        marks += [
            (link.start, link.end, Role.PICKED if i == self.linked else Role.KEY)
            for i, link in enumerate(self._links)
            if link.line == at and link.start >= after
        ]
        if len(marks) <= 2:
            marks += [(found.start(), found.end(), Role.WARNING) for found in _BAD.finditer(text, after)]
        return marks


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
