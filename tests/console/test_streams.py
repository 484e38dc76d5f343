"""Closed, full or unread standard streams: the command does its work, and reports the result."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from console import __version__


def shell(redirection: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command line whose streams a shell has redirected; the exit code is the command's own."""
    command = shlex.join([sys.executable, "-m", "console.main", *arguments])
    return subprocess.run(
        ["/bin/bash", "-c", f"{command} {redirection}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ) | more,
        timeout=60,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", [["--version"], ["local", "ls", "--json"], ["local", "ls"], ["audit", "show"]])
def test_a_closed_stream_is_one_that_nobody_reads(closed: str, words: list[str], tmp_path: Path) -> None:
    done = shell(closed, *words, XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "unexpected" not in done.stderr
    assert list(tmp_path.rglob("crash-*")) == []


def test_no_file_is_opened_where_talk_goes() -> None:
    code = (
        "import os, sys, console.main as m, console.cli.dispatch as d\n"
        "d.dispatch = lambda *_: sys.exit(10 + os.open('/dev/zero', os.O_RDONLY) // 3)\n"
        "m.main(['snapshot'])"
    )
    done = subprocess.run(["/bin/bash", "-c", f"{shlex.join([sys.executable, '-c', code])} 2>&-"], check=False)
    assert done.returncode > 10, "it got the descriptor of stderr"


@pytest.mark.parametrize("words", [["--version"], ["local", "ls", "--json"], ["local", "up", "--help"]])
def test_a_disk_that_is_full_is_said(words: list[str], tmp_path: Path) -> None:
    done = shell("> /dev/full", *words, XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "quarterdeck: stdout cannot be written: No space left on device\n"


def test_talk_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    done = shell("2> /dev/full", "local", "ls", XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 0


@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_the_exit_code_is_that_of_the_command_whoever_reads(json_too: list[str], tmp_path: Path) -> None:
    words = ["local", "up", str(tmp_path / "nothing"), "--dry-run", *json_too]
    state = {"XDG_STATE_HOME": str(tmp_path)}
    assert shell("2>&1 | true", *words, **state).returncode == 4
    assert shell("2> /dev/null | true", *words, **state).returncode == 4
    assert shell("2>&1 | head -1", *words, **state).returncode == 4


def test_who_reads_on_gets_all(tmp_path: Path) -> None:
    done = shell("", "local", "ls", "--json", XDG_STATE_HOME=str(tmp_path))
    assert json.loads(done.stdout)["nodes"] == []
    assert shell("", "--version").stdout == f"quarterdeck {__version__}\n"
