"""An auditor gets a refusal for the name of every action, and nothing that acts is imported for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from actions.catalogue import KINDS
from console.cli import exit_codes
from tests.console.test_hostile_text import kubeconfig

COMMANDS = [*dict.fromkeys(entry.command for entry in KINDS if entry.command), "undo"]

REFUSED = """
import json, os, sys
os.environ["KUBECONFIG"] = sys.argv[1]
from console.main import main
codes = {name: main([*name.split(), *words, "--read-only"]) for name, words in json.loads(sys.argv[2]).items()}
print(json.dumps([codes, sorted(name for name in sys.modules if name.startswith(("actions.", "console.")))]))
"""


def test_the_command_line_refuses_every_action_in_read_only_mode(tmp_path: Path) -> None:
    words: dict[str, list[str]] = {name: ["deployment/chat"] for name in COMMANDS} | {"undo": []}
    there = kubeconfig(tmp_path, "http://127.0.0.1:1")
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, there, json.dumps(words)], capture_output=True, text=True, check=True
    )
    codes, loaded = json.loads(done.stdout)
    assert codes == dict.fromkeys(COMMANDS, exit_codes.REFUSED)
    lines = done.stderr.splitlines()
    assert [
        line for name in COMMANDS for line in lines if line.startswith(f"quarterdeck: {name} was refused: ")
    ] == lines
    acts = (
        "actions.running.runner",
        "actions.planning.planner",
        "actions.running.writer",
        "actions.audit",
        "console.wiring",
        "console.session",
    )
    assert [name for name in loaded if name.startswith(acts) or name.endswith(".action")] == []
