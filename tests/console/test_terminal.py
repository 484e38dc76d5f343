"""The command in a real terminal: a pty, and an emulator that shows what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyte
import pytest

from tests.waiting import PATIENCE


class Terminal:
    """A command on a pty of 100x30 and the screen that its bytes draw."""

    def __init__(self, arguments: list[str], environ: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(os.environ) | environ,
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
        """Read until the screen is as wanted, or fail with what it shows."""
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

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@contextmanager
def terminal(*arguments: str, **environ: str) -> Iterator[Terminal]:
    opened = Terminal(list(arguments), environ)
    try:
        yield opened
    finally:
        opened.close()


DEMO = ("-m", "console.main", "demo", "--pods", "4")


def test_the_demo_opens_the_console_and_gives_the_terminal_back() -> None:
    with terminal(*DEMO) as term:
        term.until(lambda text: "admin" in text and "live" in text)
        term.type(b"\x03")
        assert term.end() == 0
        assert b"\x1b[?1049h" in term.raw
        assert term.raw.rindex(b"\x1b[?1049l") > term.raw.rindex(b"\x1b[?1049h")
        assert b"Traceback" not in term.raw


def test_no_color_writes_no_colour() -> None:
    with terminal(*DEMO, "--no-color") as term:
        term.until(lambda text: "admin" in text and "live" in text)
        term.type(b"\x03")
        assert term.end() == 0
        styles = re.findall(rb"\x1b\[([0-9;]+)m", term.raw)
        numbers = {int(number) for style in styles for number in style.split(b";")}
        assert not numbers & {*range(30, 39), *range(40, 49), *range(90, 108)}, numbers


@pytest.mark.parametrize("name", ["dumb", ""])
def test_a_dumb_terminal_gets_the_table_and_a_hint(name: str) -> None:
    with terminal(*DEMO, TERM=name) as term:
        assert term.end() == 0
        assert f"TERM={name} cannot show the console".encode() in term.raw
        assert b"WORKLOAD / POD" in term.raw
        assert b"\x1b" not in term.raw


def test_a_crash_of_the_console_is_two_lines_after_the_terminal_is_back() -> None:
    code = (
        "import sys, console.app as app, console.main as main\n"
        "def broken(self, message):\n    raise ValueError('boom')\n"
        "app.QuarterdeckApp.on_snapshot_arrived = broken\n"
        "sys.exit(main.main(['demo', '--pods', '2']))"
    )
    with terminal("-c", code) as term:
        assert term.end() == 1
        after = term.raw[term.raw.rindex(b"\x1b[?1049l") :]
        assert b"quarterdeck: unexpected ValueError: boom" in after
        assert b"Details: " in after
        assert b"Traceback" not in term.raw
