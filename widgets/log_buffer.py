"""The last lines of a log, within bounds that hold whatever is written to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from widgets.untrusted import untrusted_line


class LogLine(NamedTuple):
    """A line and, if the source provides it, when it was written (Unix seconds)."""

    text: str
    at: float | None = None
    who: str = ""
    """Name of the writer, if several write into one log."""


class LogBuffer:
    """A ring of lines, bounded by their number and by their bytes in UTF-8.

    Lines are made safe to draw as they come in, and cut after ``max_line`` characters. They are numbered from 0 on for
    ever: ``first`` moves when old ones go, so that a position stays with its line.
    """

    def __init__(self, max_lines: int = 10_000, max_bytes: int = 8 * 2**20, max_line: int = 8_192) -> None:
        self._max_lines = max_lines
        self._max_bytes = max_bytes
        self._max_line = max_line
        self._lines: deque[LogLine] = deque()
        self.first = 0
        """The number of the oldest line that is still there."""
        self.dropped = 0
        """Lines dropped to make room since the log was last cleared."""
        self.bytes = 0

    @property
    def end(self) -> int:
        """One more than the number of the newest line."""
        return self.first + len(self._lines)

    def __getitem__(self, number: int) -> LogLine:
        """Return the line with a number; IndexError if it was dropped or does not exist yet."""
        if not self.first <= number < self.end:
            raise IndexError(number)
        return self._lines[number - self.first]

    def append(self, lines: Iterable[LogLine]) -> None:
        """Add lines at the end and drop the excess at the front."""
        for text, at, who in lines:
            safe = untrusted_line(text[: self._max_line].rstrip("\r\n"))
            if len(text) > self._max_line:
                safe += " [cut]"
            self._lines.append(LogLine(safe, at, who))
            self.bytes += _size(safe)
            # The newest line stays even where it is larger than the bound.
            while len(self._lines) > self._max_lines or (self.bytes > self._max_bytes and len(self._lines) > 1):
                self.bytes -= _size(self._lines.popleft().text)
                self.first += 1
                self.dropped += 1

    def clear(self) -> None:
        """Clear the log; line numbers continue."""
        self.dropped = 0
        self.first = self.end
        self._lines.clear()
        self.bytes = 0


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
