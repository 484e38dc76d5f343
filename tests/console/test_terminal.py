"""The command in a real terminal."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.console.terminal import in_a_shell, terminal

DEMO = ("-m", "console.main", "demo", "--pods", "4")


def test_the_demo_opens_the_console_and_gives_the_terminal_back() -> None:
    with terminal(*DEMO) as term:
        term.until(lambda text: "admin" in text and "live" in text)
        term.type(b"\x03")
        assert term.end() == 0
        assert b"\x1b[?1049h" in term.raw
        assert term.raw.rindex(b"\x1b[?1049l") > term.raw.rindex(b"\x1b[?1049h")
        assert b"Traceback" not in term.raw


@pytest.mark.parametrize("elsewhere", ["2>errors", "2>&-"])
def test_it_is_seen_wherever_stderr_goes(elsewhere: str, tmp_path: Path) -> None:
    line = f"cd {shlex.quote(str(tmp_path))} && exec {shlex.join([sys.executable, *DEMO])} {elsewhere}"
    with in_a_shell(line) as term:
        term.until(lambda text: "admin" in text and "live" in text)
        term.type(b"\x03")
        assert term.end() == 0
        assert term.raw.rindex(b"\x1b[?1049l") > term.raw.rindex(b"\x1b[?1049h")
    assert b"\x1b" not in b"".join(file.read_bytes() for file in tmp_path.glob("errors"))


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
        "import sys, console.app.app as app, console.main as main\n"
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
