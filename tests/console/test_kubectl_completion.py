"""Completion of ``kubectl quarterdeck``, in the protocol of kubectl."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.cli.kubectl_completion import completions
from tests.simulator.api_process import simulator

PROGRAM = "import sys; from console.cli.kubectl_completion import main; sys.exit(main())"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["snap"], ["snapshot"]),
        (["snapshot", "inc"], ["incidents"]),
        (["scale", "--rep"], ["--replicas"]),
        (["demo", "--scenario", "rush"], ["rush-hour"]),
        (["nonsense", "it's"], []),
    ],
)
def test_commands_tables_flags_and_scenarios(words: list[str], expected: list[str]) -> None:
    assert completions(words) == expected


def test_kubectl_asks_for_names_of_the_cluster(tmp_path: Path) -> None:
    with simulator("--pods", "3") as fleet:
        environ = {**os.environ, "KUBECONFIG": str(fleet.kubeconfig), "HOME": str(tmp_path)}
        command = [sys.executable, "-c", PROGRAM, "restart", "chat-"]
        output = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout.splitlines()
    *names, directive = output
    assert names
    assert all(name.startswith("chat-") for name in names)
    assert directive == ":4", "and no files"
