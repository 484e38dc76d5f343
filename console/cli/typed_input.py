"""Keys and pastes in what a terminal sends.

Textual's parser alone drops the escape of most keys right behind one, makes ctrl-right of ``esc f``, and makes keys of
an escape inside a paste: text from elsewhere could be commands. So both are told apart before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from textual._xterm_parser import XTermParser
from textual.events import Key, Paste
from textual.message import Message

ESC: Final = "\x1b"
PASTE: Final = "\x1b[200~"
"""The beginning of a paste, with xterm's bracketed paste mode."""
PASTED: Final = "\x1b[201~"
_PAIRS = re.compile("(\x1b(?:[^\x1b\\[\\]OPX^_]|(?=\x1b)))")
"""An escape with a key that begins no sequence of a terminal, or with another escape behind it."""


class TypedInput:
    """Makes events of text as it is read, in pieces of any length."""

    def __init__(self, *, debug: bool = False) -> None:
        self._parser = XTermParser(debug)
        self._held = ""
        """The end of what was read, if it may be the beginning of a marker or of a key."""
        self._pasted: list[str] | None = None
        """The pieces of a paste that has not ended; None outside of one."""

    def feed(self, text: str) -> Iterator[Message]:
        """Yield the events in a text. An empty one is the end of the stream, where the parser raises."""
        if not text:
            yield from self._parser.feed(text)
            return
        text, self._held = self._held + text, ""
        while text:
            marker = PASTE if self._pasted is None else PASTED
            piece, found, text = text.partition(marker)
            if not found:
                self._held = _beginning(piece, marker)
                piece = piece.removesuffix(self._held)
            if self._pasted is None:
                yield from self._keys(piece)
            elif piece:
                self._pasted.append(piece)
            if found:
                yield from self._turn()
        yield from self._parser.tick()

    def settle(self) -> Iterator[Message]:
        """Yield what was held back, since nothing has followed it. A paste goes on however long it takes."""
        if self._pasted is None and self._held:
            held, self._held = self._held, ""
            if held == ESC:
                yield _escape()
            else:
                yield from self._parser.feed(held)
        yield from self._parser.tick()

    def _turn(self) -> Iterator[Message]:
        """Begin a paste, or end one."""
        if self._pasted is None:
            self._pasted = []
            return
        text, self._pasted = "".join(self._pasted), None
        # As Textual does: NUL is what some terminals fill up with.
        if text := text.replace("\0", ""):
            yield Paste(text)

    def _keys(self, text: str) -> Iterator[Message]:
        """Yield the keys of a text; a key right behind an escape is named ``alt+`` and its name.

        It was typed with alt, or it is two keys that were typed fast or arrived together over a slow link: the app
        decides by the focus.
        """
        for piece in _PAIRS.split(text):
            if piece == ESC:
                yield _escape()
            elif _PAIRS.fullmatch(piece):
                for event in XTermParser().feed(piece[1:]):
                    yield Key(f"alt+{event.key}", event.character) if isinstance(event, Key) else event
            elif piece:
                yield from self._parser.feed(piece)


def _escape() -> Key:
    return Key("escape", ESC)


def _beginning(text: str, marker: str) -> str:
    """Return the longest end of a text that a marker begins with; empty for none."""
    return next((marker[:n] for n in range(len(marker) - 1, 0, -1) if text.endswith(marker[:n])), "")
