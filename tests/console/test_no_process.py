"""Read-only mode starts no process but a credential plugin and the fleet of the demo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console.test_hostile_text import kubeconfig

HOOK = """
import os, sys
STARTS = {"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.exec", "os.system", "os.spawn"}
def hook(event, args):
    if event in STARTS:
        os.write(9, (event + " " + repr(args[0] if args else "")).encode() + b"\\n")
sys.addaudithook(hook)
import console.main as main, console.cli.dispatch as dispatch
"""
"""Audit events of the interpreter (PEP 578), whatever library starts the process."""


def started(tmp_path: Path, *words: str, before: str = "", **environ: str) -> list[str]:
    """The processes that a command line in read-only mode started."""
    file = tmp_path / "started"
    code = f"{HOOK}{before}\nsys.exit(main.main({[*words, '--read-only']!r}))"
    with file.open("wb") as out:
        done = subprocess.run(
            ["/bin/sh", "-c", 'exec "$@" 9>&1 >/dev/null', "sh", sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
            env=dict(os.environ) | environ,
            timeout=120,
        )
    assert b"Traceback" not in done.stderr, done.stderr
    return file.read_text().splitlines()


@pytest.mark.parametrize(
    "words",
    [
        ["snapshot", "--wait", "1"],
        ["doctor"],
        ["scale", "chat", "2"],
        ["local", "ls"],
        ["local", "up", "m"],
        ["audit", "show"],
    ],
)
def test_looking_starts_nothing(words: list[str], tmp_path: Path) -> None:
    assert started(tmp_path, *words, KUBECONFIG=kubeconfig(tmp_path, "http://127.0.0.1:1")) == []


def test_a_crash_report_starts_nothing(tmp_path: Path) -> None:
    crash = "def boom(*_): raise ValueError('boom')\ndispatch.dispatch = boom\n"
    assert started(tmp_path, "snapshot", before=crash, XDG_STATE_HOME=str(tmp_path)) == []
    (report,) = tmp_path.rglob("crash-*")
    assert os.uname().release in report.read_text()


def test_what_is_started_would_be_seen(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}
    plugin.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": answer["apiVersion"], "command": str(plugin), "interactiveMode": "Never"}}
    seen = started(tmp_path, "snapshot", "--wait", "1", KUBECONFIG=kubeconfig(tmp_path, "http://127.0.0.1:1", user))
    assert seen
    assert all("plugin" in line for line in seen)
