"""A plan in a terminal: what a person types decides, and leaving is always possible."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actions.audit.reading import read_log, records
from tests.console.terminal import Terminal, terminal
from tests.simulator.api_process import Process, simulator


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--pods", "16", "--seed", "7", "--speed", "8") as running:
        yield running


@contextmanager
def asked(fleet: Process, state: Path, *action: str) -> Iterator[Terminal]:
    """An action at its question; ``scale`` where none is given."""
    action = action or ("scale", "summarize", "1")
    command = ["-m", "console.main", *action, "--kubeconfig", str(fleet.kubeconfig)]
    with terminal(*command, XDG_STATE_HOME=str(state)) as term:
        term.until(lambda text: "Type yes to continue" in text)
        yield term


def written(state: Path) -> list[str]:
    return [record.event for record in records(read_log(state / "quarterdeck" / "audit")) if record.action]


def test_ctrl_c_leaves_at_once_and_nothing_was_sent(fleet: Process, tmp_path: Path) -> None:
    with asked(fleet, tmp_path) as term:
        term.process.send_signal(signal.SIGINT)
        assert term.end() == 130
        assert "Traceback" not in term.text
        assert "Fatal" not in term.text
    assert written(tmp_path) == []


def test_anything_but_yes_leaves_it(fleet: Process, tmp_path: Path) -> None:
    with asked(fleet, tmp_path) as term:
        term.type(b"y\n")
        term.until(lambda text: "nothing was sent" in text)
        assert term.end() == 4
    assert written(tmp_path) == []


def test_the_end_of_the_input_leaves_it(fleet: Process, tmp_path: Path) -> None:
    with asked(fleet, tmp_path) as term:
        term.type(b"\x04")
        term.until(lambda text: "nothing was sent" in text)
        assert term.end() == 4
    assert written(tmp_path) == []


def test_yes_goes_on(fleet: Process, tmp_path: Path) -> None:
    with asked(fleet, tmp_path) as term:
        term.type(b"yes\n")
        assert term.end() == 0, term.text
    assert written(tmp_path)[0] == "intent"


def test_several_objects_have_one_question(fleet: Process, tmp_path: Path) -> None:
    with asked(fleet, tmp_path, "restart", "summarize", "embed") as term:
        term.type(b"no\n")
        term.until(lambda text: "nothing was sent" in text)
        assert term.end() == 4, term.text
    assert written(tmp_path) == []
