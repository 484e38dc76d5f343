"""A growing log: the lines added since the last read, with bounded memory."""

from __future__ import annotations

import asyncio
import os
import re
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

KEPT: Final = 5000
"""Lines that a reader begins with at most."""
CHUNK: Final = 1 << 20
"""Bytes of one read."""
LONGEST: Final = 1 << 16
"""Bytes of a line that is kept whole; more of it comes as further lines."""
PAUSE: Final = 0.3
"""Seconds between two reads of a followed log."""
_TERMINAL: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""Terminal escape sequences (ECMA-48, CSI): vLLM 0.10 to 0.15 colours the process names, even in a file."""


class Tail:
    """Reads the lines added since the last call. A log that became shorter (rotated, truncated) is read from the
    start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""
        self._file = 0
        """Inode of the log: a rotated log is another file, whatever its length."""

    def read(self) -> list[str]:
        """Return the lines since the last call, at most ``CHUNK`` bytes of them: call again until there are none.
        Blocks.

        A line overwritten by a progress bar counts as its last state; colours are removed. A missing log has no lines.
        """
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_size < self._offset or status.st_ino != self._file:
                    self._offset, self._rest, self._file = 0, b"", status.st_ino
                file.seek(self._offset)
                chunk = file.read(CHUNK)
        except OSError:
            return []
        self._offset += len(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST:
            lines, self._rest = [*lines, self._rest], b""
        return [_plain_line(line) for line in lines]

    @property
    def unfinished(self) -> str:
        """The line that has no end yet: where a progress bar is."""
        return _plain_line(self._rest)


def _plain_line(line: bytes) -> str:
    return _TERMINAL.sub("", line.decode(errors="replace")).rstrip("\r").rpartition("\r")[2]


async def follow(path: Path) -> AsyncIterator[str]:
    """Yield the last ``KEPT`` lines, then new ones, until closed."""
    tail = Tail(path)
    last: deque[str] = deque(maxlen=KEPT)
    while lines := await asyncio.to_thread(tail.read):
        last.extend(lines)
    for line in last:
        yield line
    while True:
        lines = await asyncio.to_thread(tail.read)
        for line in lines:
            yield line
        if not lines:
            await asyncio.sleep(PAUSE)
