"""A program on a pseudo terminal of 120×40: when which bytes came, and what they showed.

Reads are only timestamped while the program runs; the emulation comes afterwards, so that it costs the program nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import pyte

from tests.benchmarks.result import CannotMeasureError

COLUMNS, LINES = 120, 40
_SYNC_QUERY, _SYNC_ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>78])")
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=][0-?]*[ -/]*[@-~]")
_END_TIMEOUT = 5.0
_LOOK_AFTER, _LOOK_EVERY = 3.0, 1.0
"""Seconds from the start until the screen is emulated while the program runs, and between two of these times."""


class Read(NamedTuple):
    """Bytes that came at once, and when (seconds since the program was started)."""

    at: float
    data: bytes


class NotShownError(CannotMeasureError):
    """The program did not show the expected text; with its actual text."""


class Terminal:
    """One program; see ``on_terminal``."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self._reads: list[Read] = []
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            arguments, stdin=slave, stdout=slave, stderr=slave, env=dict(environ), start_new_session=True
        )
        os.close(slave)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def bytes_written(self) -> int:
        """Number of bytes that the program has written so far."""
        return sum(len(read.data) for read in self._reads)

    def first(self, pattern: str, timeout: float) -> float:
        """Seconds from the start to the first screen with this pattern. Raises NotShownError."""
        wanted = re.compile(pattern.encode())
        deadline = time.monotonic() + timeout
        look = self._began + _LOOK_AFTER
        # Escapes may split a pattern within a line; the emulation decides, this only says when to check.
        while not wanted.search(_ESCAPES.sub(b"", b"".join(read.data for read in self._reads))):
            if time.monotonic() > deadline or self._process.poll() is not None:
                break
            # One that draws a number digit by digit never shows it in what it writes: few do, and they start slowly.
            if time.monotonic() > look:
                if re.search(pattern, self.text):
                    break
                look = time.monotonic() + _LOOK_EVERY
            time.sleep(0.02)
        time.sleep(0.1)
        return self._shown_at(re.compile(pattern))

    def _shown_at(self, pattern: re.Pattern[str]) -> float:
        screen = pyte.Screen(COLUMNS, LINES)
        stream = pyte.ByteStream(screen)
        for read in list(self._reads):
            stream.feed(_UNKNOWN_TO_PYTE.sub(b"", read.data))
            if pattern.search("\n".join(screen.display)):
                return read.at
        shown = "\n".join(line.rstrip() for line in screen.display).strip()
        raise NotShownError(f"{pattern.pattern!r} is not on the screen, which shows:\n{shown}")

    @property
    def text(self) -> str:
        """The current text of the screen."""
        screen = pyte.Screen(COLUMNS, LINES)
        pyte.ByteStream(screen).feed(_UNKNOWN_TO_PYTE.sub(b"", b"".join(read.data for read in self._reads)))
        return "\n".join(line.rstrip() for line in screen.display)

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def close(self) -> None:
        """End the program."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_TIMEOUT)
                break
        self._reading.join(_END_TIMEOUT)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                # Linux: the other side is closed.
                return
            if not data:
                return
            self._reads.append(Read(time.monotonic() - self._began, data))
            if _SYNC_QUERY in data:
                os.write(self._master, _SYNC_ANSWER)


@contextmanager
def on_terminal(arguments: Sequence[str], environ: Mapping[str, str]) -> Iterator[Terminal]:
    """Run a program; it is ended with the block."""
    terminal = Terminal(arguments, environ)
    try:
        yield terminal
    finally:
        terminal.close()
