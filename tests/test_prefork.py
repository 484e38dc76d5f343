"""A command in a process that has the program imported already is the command in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.prefork import SIMULATOR, Program, quarterdeck


@pytest.mark.parametrize(
    "words", [["--version"], ["local", "ls", "--json"], ["local", "nonsense"], ["audit", "show"], ["scale", "--help"]]
)
def test_it_says_and_ends_with_what_a_process_of_its_own_does(words: list[str], tmp_path: Path) -> None:
    env = os.environ | {"XDG_STATE_HOME": str(tmp_path), "COLUMNS": "70"}
    own = subprocess.run(
        [sys.executable, "-m", "console.main", *words],
        capture_output=True,
        text=True,
        check=False,
        env=env,
        stdin=subprocess.DEVNULL,
    )
    forked = quarterdeck(*words, env=env)
    assert (forked.returncode, forked.stdout, forked.stderr) == (own.returncode, own.stdout, own.stderr)


def test_it_has_the_environment_that_it_is_given_and_nothing_of_another(tmp_path: Path) -> None:
    written = quarterdeck("config", "path", env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path)})
    assert str(tmp_path) in written.stdout + written.stderr
    again = quarterdeck("config", "path")
    assert str(tmp_path) not in again.stdout + again.stderr


def test_one_that_runs_takes_a_signal_and_the_end_of_its_input() -> None:
    with Program(SIMULATOR, "--pods", "1", "--until-stdin-closes") as by_input:
        assert json.loads(by_input.line())["kubeconfig"]
        by_input.end_input()
        assert by_input.wait() == 0
    with Program(SIMULATOR, "--pods", "1") as killed:
        assert killed.line()
        assert killed.returncode is None
        killed.send_signal(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL


def test_one_that_is_left_ends() -> None:
    with Program(SIMULATOR, "--pods", "1") as left:
        assert left.line()
    assert left.returncode == -signal.SIGKILL


def test_time_is_limited() -> None:
    with Program(SIMULATOR, "--pods", "1") as endless, pytest.raises(subprocess.TimeoutExpired):
        endless.communicate(0.01)
