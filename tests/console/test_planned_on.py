"""The command line plans on the whole cluster, no matter how slow its list is and which namespace is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli import exit_codes
from console.main import main
from tests.console.slow_api import slow
from tests.simulator.api_process import Process, simulator

ROOM = re.compile(r"spare GPUs\s+(.+?)(?:\n\s+→|\n {3}[●▲✖])", re.DOTALL)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--seed", "7") as found:
        yield found


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize("command", [["scale", "deployment/chat-70b", "4"], ["cordon", "gpu-h100-1"]])
def test_with_a_slow_api_server_and_a_prometheus_that_is_first_the_target_is_looked_for_in_the_whole_cluster(
    fleet: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    with slow(fleet.kubeconfig, fleet.server, 0.3, tmp_path) as (kubeconfig, prometheus):
        code = main([*command, "--kubeconfig", str(kubeconfig), "--prometheus", prometheus, "--dry-run"])
    printed = capsys.readouterr()
    assert code == exit_codes.OK, printed.err
    assert command[1].rpartition("/")[2] in printed.out


def room(text: str) -> str:
    found = ROOM.search(text)
    assert found, text
    return " ".join(found[1].split())


def test_a_namespace_that_is_asked_for_does_not_free_the_gpus_of_the_others(
    fleet: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = []
    for where in (["-n", "serving"], ["-A"]):
        code = main(["scale", "chat-70b", "4", *where, "--kubeconfig", str(fleet.kubeconfig), "--dry-run"])
        assert code == exit_codes.OK
        rows.append(room(capsys.readouterr().out))
    assert rows[0] == rows[1]
    assert rows[0].startswith("room for")


def test_who_may_not_see_the_other_namespaces_is_told_that_the_room_is_not_known(
    fleet: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--kubeconfig", str(fleet.kubeconfig), "--context", "demo-teamlead", "--dry-run"]
    assert main(["scale", "chat-70b", "4", *flags]) == exit_codes.OK
    assert room(capsys.readouterr().out).startswith(
        "whether there is room for 1 more pod is not known: you may not list"
    )


def test_a_target_that_may_not_be_listed_is_not_called_missing(
    fleet: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--kubeconfig", str(fleet.kubeconfig), "--context", "demo-nobody", "--dry-run"]
    assert main(["scale", "deployment/chat-70b", "4", *flags]) == exit_codes.REFUSED
    stderr = capsys.readouterr().err
    assert "forbidden" in stderr.lower()
    assert "no deployment" not in stderr


def test_an_api_server_that_is_gone_is_said_and_no_target_is_called_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fleet: Process
) -> None:
    with slow(fleet.kubeconfig, "https://127.0.0.1:1", 0.0, tmp_path) as (kubeconfig, prometheus):
        text = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:1", kubeconfig.read_text())
        kubeconfig.write_text(text)
        flags = ["--kubeconfig", str(kubeconfig), "--prometheus", prometheus, "--dry-run"]
        assert main(["scale", "deployment/chat-70b", "4", *flags]) == exit_codes.UNREACHABLE
    stderr = capsys.readouterr().err
    assert "connection refused" in stderr
    assert "no deployment" not in stderr
