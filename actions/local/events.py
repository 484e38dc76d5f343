"""Server-sent events as they arrive (WHATWG HTML, 9.2.6): split anywhere, with comments, several in a packet."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Final

from fleet.local.errors import LocalError

LONGEST: Final = 1 << 20
"""Largest size of one event in characters. A token is a few; anything longer is not a stream of tokens."""


class Events:
    """Takes bytes as they come and gives the data of each event that is whole."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes, *, final: bool = False) -> Iterator[str]:
        """The data of the events that end in ``chunk``. At the end (``final``) also of an event without its empty line.

        Raises LocalError for an event that does not end.
        """
        self._rest += self._decoder.decode(chunk, final)
        # A carriage return at the very end may be the first half of a line's end.
        held = "\r" if self._rest.endswith("\r") and not final else ""
        text = self._rest.removesuffix("\r") if held else self._rest
        *lines, last = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._rest = last + held
        if final:
            lines += [last, ""]
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                yield "\n".join(self._data)
                self._data = []
        if len(self._rest) + sum(map(len, self._data)) > LONGEST:
            raise LocalError("what it sends is not a stream of tokens", "Is this an OpenAI-compatible server?")

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        # Comments have no name; only `data` fields contain tokens.
        if name == "data":
            self._data.append(value.removeprefix(" "))
