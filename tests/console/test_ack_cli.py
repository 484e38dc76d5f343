"""An incident is acknowledged on the command line, and everybody who shares the logs sees by whom."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from console.cli import exit_codes
from console.cli.find_incident import find_incident
from console.cli.find_object import NotNamedError
from fleet.diagnosis.incidents.check_status import CheckStatus
from tests import prefork
from tests.fleet.diagnosis.fleets import COOL, STUCK, Fleet, Q, crashing
from tests.fleet.rows import NOW
from tests.simulator.api_process import Process, simulator

Shell = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Process]:
    with simulator("--scenario", "gpu-fault", "--pods", "12", "--seed", "7") as running:
        yield running


def shell(cluster: Process, home: Path, logs: Path) -> Shell:
    """The command line of a user with a separate home, and the logs of all users."""
    home.mkdir()
    (home / "config.toml").write_text(f'[actions]\naudit_dir = "{logs}"\n[ui]\nrefresh = 0.5\n', encoding="utf-8")
    flags = ["--config", str(home / "config.toml"), "--kubeconfig", str(cluster.kubeconfig)]
    environ = {"HOME": str(home), "XDG_STATE_HOME": str(home)} | {name: os.environ[name] for name in ("PATH", "LC_ALL")}

    def run(command: str, *words: str) -> tuple[int, str, str]:
        first, *rest = command.split()
        done = prefork.quarterdeck(first, *rest, *flags, *words, env=environ)
        return done.returncode, done.stdout, done.stderr

    return run


def lost_gpu(document: str) -> dict[str, Any]:
    """The incident that is acknowledged, wherever it stands among the others."""
    incidents: list[dict[str, Any]] = json.loads(document)["incidents"]
    return next(incident for incident in incidents if incident["cause"] == "gpu-lost")


def test_what_one_acknowledges_another_sees_until_it_is_taken_back(cluster: Process, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    mine, theirs = (shell(cluster, tmp_path / name, logs) for name in ("mine", "theirs"))
    code, out, _ = theirs("check --json")
    assert "acknowledged" not in lost_gpu(out)
    key = lost_gpu(out)["key"]

    code, out, text = mine("ack", "gpu-lost", "--note", "draining the node, INC-7")
    assert code == exit_codes.OK, text
    assert out.startswith("Acknowledge GPU ")
    code, out, _ = theirs("check --json")
    assert code == CheckStatus.CRITICAL, "that somebody knows of it makes it no better"
    known = lost_gpu(out)["acknowledged"]
    assert (known["note"], known["holds"]) == ("draining the node, INC-7", True)
    message = theirs("snapshot incidents -o wide")[1]
    assert re.search(rf"acknowledged by {known['by']} \d+s ago: draining the node, INC-7", message)
    recorded = theirs("audit export --action ack")[1]
    assert "draining the node, INC-7" in recorded
    assert "not checked: nothing is sent" in recorded
    assert theirs("audit verify")[0] == exit_codes.OK

    assert mine("undo", "--yes")[0] == exit_codes.USAGE, "it is no change of the cluster, and takes nobody's turn"
    code, out, text = theirs("ack", key, "--off", "--json")
    assert code == exit_codes.OK, text
    assert json.loads(out)["outcome"]["result"] == "converged"
    code, _, text = mine("ack", key, "--off")
    assert code == exit_codes.USAGE
    assert "nobody has acknowledged" in text


def test_read_only_refuses_it_and_sees_what_others_wrote(cluster: Process, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    mine, auditor = (shell(cluster, tmp_path / name, logs) for name in ("mine", "auditor"))
    assert mine("ack", "gpu-lost", "--note", "I know")[0] == exit_codes.OK
    before = {file: file.read_bytes() for file in logs.rglob("*") if file.is_file()}
    code, out, _ = auditor("check --read-only --json")
    assert lost_gpu(out)["acknowledged"]["note"] == "I know"
    code, _, text = auditor("ack --read-only", "gpu-lost", "--note", "seen")
    assert code == exit_codes.REFUSED
    assert text.startswith("quarterdeck: ack was refused: this is read-only")
    assert {file: file.read_bytes() for file in logs.rglob("*") if file.is_file()} == before


def test_an_incident_goes_by_its_key_its_cause_or_its_object_where_only_one_is_meant() -> None:
    fleet = Fleet(4)
    fleet.gpus["chat-0"] = COOL | {Q.XID: 79.0}
    fleet.of("chat-0", **crashing(NOW - 300))
    fleet.engines["chat-3"] = STUCK
    fleet.at(0)
    snapshot = fleet.at(70)
    for typed in ("engine-stuck@serving/chat-3", "engine-stuck", "serving/chat-3", "pod/chat-3", "chat-3"):
        assert find_incident(typed, snapshot, "").uid == "engine-stuck@serving/chat-3"
    with pytest.raises(NotNamedError, match=r"no incident chat-9; there is:\n(?s:.)*gpu-lost@GPU-chat-0"):
        find_incident("chat-9", snapshot, "")
    with pytest.raises(NotNamedError, match="no problem is known"):
        find_incident("chat-3", snapshot, "batch")
    fleet.engines["chat-1"] = STUCK | {Q.RUNNING: 0.0, Q.WAITING: 3.0}
    fleet.at(100)
    several = fleet.at(170)
    assert find_incident("engine-takes-nothing", several, "").name == "serving/chat-1"
