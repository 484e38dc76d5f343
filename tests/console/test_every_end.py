"""Every way the console can end: the terminal is as before, and running actions are reported."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import pytest

from tests.console.terminal import Terminal, in_a_shell, terminal

DEMO = ("-m", "console.main", "demo", "--pods", "4")
BEFORE = {"1049": "l", "25": "h", "7": "h", "2004": "l", "1004": "l"} | dict.fromkeys(
    ("1000", "1002", "1003", "1006", "1015", "1016"), "l"
)
"""Default private modes of a terminal: alternate screen, cursor, wrapping, mouse, pasting, focus."""


def started(text: str) -> bool:
    return "admin" in text and "live" in text


def assert_given_back(term: Terminal, attributes: list[object]) -> None:
    """Everything that was switched is switched back, once, and lines are edited and echoed as before."""
    modes = {number.decode(): to.decode() for number, to in re.findall(rb"\x1b\[\?(\d+)([hl])", term.raw)}
    assert {number: modes.get(number, normal) for number, normal in BEFORE.items()} == BEFORE
    assert len(re.findall(rb"\x1b\[>\d+u", term.raw)) == len(re.findall(rb"\x1b\[<\d*u", term.raw)) > 0
    assert term.raw.count(b"\x1b[?1049h") == term.raw.count(b"\x1b[?1049l")
    assert term.attributes() == attributes
    assert b"Traceback" not in term.raw


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_a_signal(number: signal.Signals) -> None:
    with terminal(*DEMO) as term:
        before = term.attributes()
        term.until(started)
        assert term.attributes() != before
        term.process.send_signal(number)
        assert term.end() == 130
        assert_given_back(term, before)


def test_bytes_that_are_no_text_end_nothing() -> None:
    with terminal(*DEMO) as term:
        before = term.attributes()
        term.until(started)
        term.type(b"\xff\xfe\x80?\xc3")
        term.until(lambda text: "LOOK CLOSER" in text)
        term.type(b"\xc3\x28\x1b")
        term.type(b"\x03")
        assert term.end() == 0
        assert_given_back(term, before)


def test_a_terminal_that_is_closed_ends_it(tmp_path: Path) -> None:
    with terminal(*DEMO, XDG_STATE_HOME=str(tmp_path)) as term:
        term.until(started)
        term.hang_up()
        assert term.process.wait(60) in {130, -signal.SIGHUP}
        assert not list(tmp_path.rglob("crash-*"))


def test_what_is_under_way_is_told_of_where_it_is_ended() -> None:
    with terminal(*DEMO) as term:
        before = term.attributes()
        term.until(started)
        term.type(b":restart\r")
        term.until(lambda text: "[ Apply ]" in text and "permission" in text)
        term.type(b"\t\r")
        term.until(lambda text: "1 action under way" in text)
        term.process.send_signal(signal.SIGTERM)
        assert term.end() == 130
        assert_given_back(term, before)
        after = term.raw[term.raw.rindex(b"\x1b[?1049l") :].decode()
        assert "1 action is still running. When this program ends, nothing more of it is executed or recorded" in after
        assert "the cluster continues with it" in after


def test_it_is_stopped_and_continued_without_a_second_start() -> None:
    with terminal(*DEMO) as term:
        before = term.attributes()
        term.until(started)
        term.process.send_signal(signal.SIGSTOP)
        term.process.send_signal(signal.SIGCONT)
        term.type(b"?")
        term.until(lambda text: "LOOK CLOSER" in text)
        term.type(b"\x1b")
        term.type(b"\x03")
        assert term.end() == 0
        assert_given_back(term, before)


def test_a_crash_and_an_error_of_the_input() -> None:
    code = (
        "import sys, textual._xterm_parser as parser, console.main as main\n"
        "feed = parser.XTermParser.feed\n"
        "def broken(self, data):\n"
        "    if data == 'x': raise ValueError('boom')\n"
        "    return feed(self, data)\n"
        "parser.XTermParser.feed = broken\n"
        "sys.exit(main.main(['demo', '--pods', '2']))"
    )
    with terminal("-c", code) as term:
        before = term.attributes()
        term.until(started)
        term.type(b"x")
        assert term.end() == 1
        assert_given_back(term, before)
        assert b"quarterdeck: unexpected ValueError: boom" in term.raw


def test_what_whoever_started_it_has_it_ignore_it_ignores() -> None:
    with in_a_shell(f"trap '' HUP; exec {sys.executable} {' '.join(DEMO)}") as term:
        term.until(started)
        term.process.send_signal(signal.SIGHUP)
        term.type(b"?")
        term.until(lambda text: "LOOK CLOSER" in text)
        term.process.send_signal(signal.SIGTERM)
        assert term.end() == 130
