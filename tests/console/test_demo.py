"""The simulated fleet as a child, and the commands on it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from console import main
from console.cli.demo import instructions, simulator_arguments
from console.report.document import SnapshotDocument
from console.wiring.demo import DemoError, Simulation, simulated
from fleet.sources import metrics_collector
from tests import prefork
from tests.ending import ending
from tests.waiting import PATIENCE


@pytest.fixture(scope="module")
def fleet() -> Iterator[Simulation]:
    with simulated(["--pods", "6", "--seed", "7"]) as simulation:
        yield simulation


def quarterdeck(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The command without a terminal."""
    return prefork.quarterdeck(*arguments, env=os.environ | more)


def gone(pid: int) -> bool:
    """True if a process that is not ours to wait for has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_it_says_where_it_is(fleet: Simulation) -> None:
    assert fleet.kubeconfig.stat().st_mode & 0o077 == 0
    assert fleet.server.startswith("https://127.0.0.1:")
    assert fleet.contexts[0] == "demo"
    assert fleet.prometheus_config.exists()


def test_its_files_and_the_child_are_gone_afterwards() -> None:
    with simulated(["--pods", "1"]) as simulation:
        pid = simulation.pid
        assert simulation.kubeconfig.exists()
    assert not simulation.kubeconfig.exists()
    assert gone(pid)


def test_the_child_ends_when_its_parent_is_killed() -> None:
    code = (
        "import time\nfrom console.wiring.demo import simulated\n"
        "with simulated(['--pods', '1']) as s:\n print(s.pid, flush=True)\n time.sleep(60)"
    )
    with ending(subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while not gone(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_flags_that_it_does_not_take_are_named() -> None:
    with (
        pytest.raises(DemoError, match=r"did not start: .*--scenario.*'nonsense'") as caught,
        simulated(["--scenario", "nonsense"]),
    ):
        pass
    assert caught.value.usage
    done = quarterdeck("demo", "--pods", "-3")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_flags_are_passed_on() -> None:
    options = argparse.Namespace(scenario="steady", pods=5, seed=0, speed=None, port=None)
    assert simulator_arguments(options) == ["--scenario", "steady", "--pods", "5", "--seed", "0"]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates need two scrapes some seconds apart; here they may be rough."""
    monkeypatch.setattr(metrics_collector, "SETTLE", 0.5)


@pytest.mark.usefixtures("at_once")
def test_the_demo_without_a_terminal_is_the_table_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert main.main(["demo", "--pods", "6", "--seed", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("demo as admin · ")
    title = next(line for line in lines if "WORKLOAD / POD" in line)
    assert title.split()[-4:] == ["GPU%", "°C", "WHY", "NODE"], "nothing is left out or cut for a pipe"
    assert not any("…" in line for line in lines)
    assert sum("Running" in line for line in lines) >= 6


def test_the_table_is_ascii_where_the_locale_is(fleet: Simulation) -> None:
    command = ("snapshot", "--wait", "3", "--kubeconfig", str(fleet.kubeconfig))
    done = quarterdeck(*command, PYTHONIOENCODING="ascii", COLUMNS="120")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "WHY" in done.stdout


Snapshots = Callable[..., dict[str, Any]]


@pytest.fixture
def snapshot(at_once: None, fleet: Simulation, capsys: pytest.CaptureFixture[str]) -> Snapshots:
    """``quarterdeck snapshot --json`` on the simulated fleet."""

    def take(*arguments: str) -> dict[str, Any]:
        assert main.main(["snapshot", "--json", "--kubeconfig", str(fleet.kubeconfig), *arguments]) == 0
        made: dict[str, Any] = json.loads(capsys.readouterr().out)
        return made

    return take


def test_snapshot_json_names_every_pod(fleet: Simulation, snapshot: Snapshots) -> None:
    made = SnapshotDocument.model_validate(snapshot())
    assert len(made.pods) == fleet.pods
    assert made.cluster.user == "admin"
    serving = [pod for pod in made.pods if pod.engines]
    assert serving
    assert all({"requests_running", "generation_tokens_per_second"} <= set(pod.readings) for pod in serving)


def test_snapshot_as_another_identity_is_read_as_that(snapshot: Snapshots) -> None:
    assert snapshot("--context", "demo-auditor")["cluster"]["user"] == "auditor"


def test_one_namespace(snapshot: Snapshots) -> None:
    assert {pod["namespace"] for pod in snapshot("-n", "gpu-operator")["pods"]} == {"gpu-operator"}


def test_without_a_kubeconfig_it_says_so_and_is_2() -> None:
    done = quarterdeck("snapshot", "--wait", "1")
    assert done.returncode == 2
    assert "no kubeconfig" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_api_server_that_does_not_answer_is_3(fleet: Simulation, tmp_path: Path) -> None:
    port = fleet.server.rpartition(":")[2]
    kubeconfig = tmp_path / "kubeconfig"
    # Port 1 of loopback: nobody listens there, and the refusal is immediate.
    kubeconfig.write_text(fleet.kubeconfig.read_text().replace(f":{port}", ":1"))
    for command in (["snapshot", "--wait", "1"], ["--refresh", "1"]):
        done = quarterdeck(*command, "--kubeconfig", str(kubeconfig))
        assert done.returncode == 3, (command, done.stderr)
        assert "kubernetes: " in done.stderr
        assert "127.0.0.1:1" in done.stderr


def test_serve_prints_what_to_type_and_ends_on_ctrl_c() -> None:
    command = [sys.executable, "-m", "console.main", "demo", "--serve", "--pods", "2"]
    with ending(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        first = child.stdout.readline()
        kubeconfig = Path(first.strip().removeprefix("export KUBECONFIG="))
        assert kubeconfig.exists()
        assert "until Ctrl-C" in child.stderr.readline()
        child.send_signal(signal.SIGINT)
        assert child.wait(PATIENCE) == 0
        assert child.stderr.read() == ""
    assert not kubeconfig.exists()


def test_instructions_are_for_a_shell(fleet: Simulation) -> None:
    lines = list(instructions(fleet))
    assert lines[0] == f"export KUBECONFIG={fleet.kubeconfig}"
    assert all(line.startswith(("#", "kubectl ", "quarterdeck", "prometheus ")) for line in lines[1:] if line)
