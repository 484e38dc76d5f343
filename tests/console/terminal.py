"""A command in a real terminal: a pty, and an emulator that shows what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyte

from tests.waiting import PATIENCE

UNWELCOMED = {"QUARTERDECK_UI_WELCOME": "false"}
"""No first start is seen but where it is meant to be; an empty value leaves a variable out."""


class Terminal:
    """A command on a pty of 100x30 and the screen that its bytes draw."""

    def __init__(self, command: list[str], environ: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(os.environ)
            | {name: value for name, value in (UNWELCOMED | environ).items() if value or name not in UNWELCOMED},
            start_new_session=True,
        )
        os.close(slave)
        self._screen = pyte.Screen(100, 30)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    def until(self, shown: Callable[[str], bool]) -> None:
        """Read until the screen is as wanted, or fail with its text."""
        deadline = time.monotonic() + PATIENCE
        while not shown(self.text):
            assert time.monotonic() < deadline, self.text
            if not self._read():
                assert shown(self.text), self.text
                return

    def _read(self) -> bool:
        if not select.select([self._master], [], [], 1.0)[0]:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:
            # Linux: the other side of the pty is closed.
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read():
            assert time.monotonic() < deadline, self.text
        return self.process.wait(PATIENCE)

    def attributes(self) -> list[object]:
        """The terminal's settings for editing and echoing lines."""
        return list(termios.tcgetattr(self._master))

    def hang_up(self) -> None:
        """Close the terminal under the command."""
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self._master >= 0:
            os.close(self._master)


@contextmanager
def terminal(*arguments: str, **environ: str) -> Iterator[Terminal]:
    with opened([sys.executable, *arguments], environ) as term:
        yield term


@contextmanager
def in_a_shell(line: str, **environ: str) -> Iterator[Terminal]:
    """A line of a shell on a terminal."""
    with opened(["/bin/sh", "-c", line], environ) as term:
        yield term


@contextmanager
def opened(command: list[str], environ: dict[str, str]) -> Iterator[Terminal]:
    """Any command on a terminal."""
    term = Terminal(command, environ)
    try:
        yield term
    finally:
        term.close()
