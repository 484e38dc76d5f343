"""``quarterdeck local`` in a process of its own, on servers that run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from actions.local.bench_store import keep_bench
from actions.local.environment import SERVER_ID
from actions.local.spawn import hold
from actions.local.store import keep
from fleet.local.benches import Bench, ConcurrencyLevel
from fleet.local.record import ServerRecord, servers_folder
from fleet.local.spec import LaunchSpec
from tests.ending import ending, until_ended
from tests.ports import free_port
from tests.prefork import quarterdeck
from tests.waiting import PATIENCE

KEY = "qd-key-of-the-test"
_STREAMS = ("stdout", "stderr")
ENGINE = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path == "/health":
            return self.answer(200, b"")
        if self.path == "/metrics":
            return self.answer(200, b"vllm:num_requests_running 0\\nvllm:num_requests_waiting 0\\n")
        if self.headers["Authorization"] != "Bearer " + sys.argv[2]:
            return self.answer(401, b"{}")
        self.answer(200, json.dumps({"data": [{"id": "tiny"}]}).encode())
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = asked["messages"][0]["content"].upper() + "\\n\\x1b[31mred"
        chunks = [{"choices": [{"delta": {"content": part}, "finish_reason": None}]} for part in text]
        chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"completion_tokens": len(text)}})
        lines = [json.dumps(chunk) for chunk in chunks] + ["[DONE]"]
        self.answer(200, "".join(f"data: {line}\\n\\n" for line in lines).encode(), "text/event-stream")
    def log_message(self, *_):
        pass
print("INFO 11-21 08:24:02 [x.py:1] Starting to load model", flush=True)
print("first\\rsecond\\x1b[31m", flush=True)
if sys.argv[1] == "dies":
    print("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", flush=True)
    sys.exit(1)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("INFO:     Application startup complete.", flush=True)
server.serve_forever()
"""


@dataclass
class Machine:
    """A state folder with the servers of a test."""

    root: Path

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """``quarterdeck local …`` without a terminal."""
        return quarterdeck("local", *arguments, env=self.environ | more)

    @property
    def environ(self) -> dict[str, str]:
        own = {"XDG_STATE_HOME": str(self.root / "state"), "XDG_CONFIG_HOME": str(self.root / "config")}
        return {**os.environ, **own, "COLUMNS": "120", "KUBECONFIG": str(self.root / "none")}

    @property
    def servers(self) -> Path:
        return servers_folder(self.root / "state" / "quarterdeck")

    def start(self, name: str, *, dies: bool = False) -> ServerRecord:
        """A server that runs (or has died), as ``up`` would have left it."""
        folder = self.servers / name
        folder.mkdir(parents=True)
        (folder / "key").write_text(KEY)
        port = 1 if dies else free_port()
        argv = (sys.executable, "-c", ENGINE, "dies" if dies else str(port), KEY)
        # It identifies processes, also those of a concurrent test.
        own = f"id-{uuid4().hex}"
        env = {**os.environ, SERVER_ID: own}
        held = hold(argv, env=env, folder=folder, log=folder / "log", what="a server of a test")
        spec = LaunchSpec(name, "org/tiny", port=port, served_model_name=("tiny",), env={"HF_TOKEN": "[redacted]"})
        record = ServerRecord(
            own, spec, held.identity, ("vllm", "serve", "org/tiny"), "0.32.0", 100.0, str(folder), keyed=True
        )
        keep(record)
        held.go()
        process = psutil.Process(record.identity.pid)
        wanted = b"memory" if dies else b"startup complete"
        for _ in range(500):
            if wanted in record.log.read_bytes():
                break
            psutil.wait_procs([process], timeout=0.02)
        else:
            pytest.fail(record.log.read_text())
        if dies:
            until_ended([process])
        return record


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    found = Machine(tmp_path)
    yield found
    for process in psutil.process_iter():
        try:
            if process.environ().get(SERVER_ID, "").startswith("id-") and str(tmp_path) in process.cwd():
                process.send_signal(signal.SIGKILL)
                until_ended([process])
        except psutil.Error:
            continue


def document(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def test_nothing_runs(machine: Machine) -> None:
    done = machine.run("ls")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no servers on this machine" in done.stderr
    assert document(machine.run("ls", "--json")) == {"schema": "quarterdeck/local/v1", "nodes": [], "problems": []}


def test_the_servers(machine: Machine) -> None:
    one, two = machine.start("one"), machine.start("two", dies=True)
    done = machine.run("ls")
    assert done.returncode == 0
    head, first, second = done.stdout.splitlines()
    assert head.split() == ["NAME", "PHASE", "SINCE", "ADDRESS", "SERVES", "PID"]
    assert first.split()[:2] == ["one", "ready"]
    assert first.split()[-3:] == [one.spec.url, "tiny", str(one.identity.pid)]
    assert second.split()[:2] == ["two", "dead"]
    assert "two died: " in done.stderr
    found = document(machine.run("ls", "--json"))["nodes"]
    assert {name: found[0][name] for name in ("name", "phase", "models", "healthy")} == {
        "name": "one",
        "phase": "ready",
        "models": ["tiny"],
        "healthy": True,
    }
    assert found[0]["key_file"] == f"{one.folder}/key"
    assert found[0]["tail"] == []
    assert found[1]["phase"] == "dead"
    assert found[1]["reason"]["id"] == "cuda-oom"
    assert "CUDA out of memory" in found[1]["tail"][-1]
    assert found[1]["pid"] == two.identity.pid


def test_the_key_is_nowhere(machine: Machine) -> None:
    machine.start("one")
    for words in (["ls"], ["ls", "--json"], ["entry", "one"], ["logs", "one"], ["down", "one", "--dry-run"]):
        done = machine.run(*words)
        assert done.returncode == 0, done.stderr
        assert KEY not in done.stdout + done.stderr


def test_logs(machine: Machine) -> None:
    machine.start("one")
    done = machine.run("logs", "one")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == ["second", "INFO:     Application startup complete."]
    assert machine.run("logs", "one", "--tail", "1").stdout == "INFO:     Application startup complete.\n"
    other = machine.run("logs", "two")
    assert other.returncode == 2
    assert "there is no server two" in other.stderr
    assert "Servers: one." in other.stderr


def test_the_log_of_one_that_was_taken_down_is_found_and_said_to_be_that(machine: Machine) -> None:
    kept = machine.servers / "gone" / "log"
    kept.parent.mkdir(parents=True)
    kept.write_text("first\nlast\n")
    done = machine.run("logs", "gone", "--tail", "1")
    assert (done.returncode, done.stdout) == (0, "last\n")
    assert "gone was stopped: this is the log of its last start" in done.stderr
    (machine.servers.parent / "log").write_text("of nobody")
    for path in ("..", ".", "gone/../gone", ""):
        assert machine.run("logs", path).returncode == 2


def test_a_log_that_cannot_be_read_is_not_an_empty_one(machine: Machine) -> None:
    record = machine.start("one", dies=True)
    record.log.unlink()
    record.log.mkdir()
    done = machine.run("logs", "one")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"quarterdeck: {record.log} cannot be read: Is a directory\n"


@pytest.mark.parametrize("words", [["down"], ["restart"], ["try"], ["bench"], ["logs"], ["entry"]])
def test_a_server_whose_record_cannot_be_read_is_told_of(machine: Machine, words: list[str]) -> None:
    record = machine.servers / "one" / "record.json"
    record.parent.mkdir(parents=True)
    record.write_text("{")
    done = machine.run(*words, "one", *(["hello"] if words == ["try"] else []))
    assert done.returncode == 2
    assert f"{record} cannot be read" in done.stderr
    assert "there is no server one" in done.stderr


def test_logs_go_on_until_ctrl_c(machine: Machine) -> None:
    record = machine.start("one")
    command = [sys.executable, "-m", "console.main", "local", "logs", "one", "-f", "--tail", "1"]
    with ending(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=machine.environ)) as following:
        assert following.stdout is not None
        assert "startup complete" in following.stdout.readline()
        with record.log.open("a") as log:
            print("something new", file=log)
        assert following.stdout.readline() == "something new\n"
        following.send_signal(signal.SIGINT)
        assert following.wait(PATIENCE) == 130


def test_a_word_with_a_server(machine: Machine) -> None:
    machine.start("one")
    done = machine.run("try", "one", "hello", "there", "--tokens", "9")
    assert done.returncode == 0, done.stderr
    # Control characters are removed.
    assert done.stdout == "HELLO THERE\nred\n"
    assert "tokens in" in done.stderr
    assert "ended: stop" in done.stderr
    gone = machine.run("try", "two", "hello")
    assert gone.returncode == 2


def test_down_is_planned_asked_and_done(machine: Machine) -> None:
    record = machine.start("one")
    unasked = machine.run("down", "one")
    assert unasked.returncode == 4
    assert "--yes is required" in unasked.stderr
    dry = machine.run("down", "one", "--dry-run")
    assert dry.returncode == 0
    assert "Take one down" in dry.stdout
    assert psutil.pid_exists(record.identity.pid)
    done = machine.run("down", "one", "--yes", "--json", "--reason", "INC-1", "--grace", "5")
    assert done.returncode == 0, done.stderr
    message = document(done)
    assert message["schema"] == "quarterdeck/action/v1"
    assert message["outcome"]["result"] == "converged"
    assert not record.identity.alive
    assert document(machine.run("ls", "--json"))["nodes"] == []
    audit = machine.root / "state" / "quarterdeck" / "audit"
    text = "".join(file.read_text() for file in audit.rglob("*") if file.is_file())
    assert "local-down" in text
    assert "INC-1" in text
    assert KEY not in text


def test_all_go_down_side_by_side(machine: Machine) -> None:
    records = [machine.start("one"), machine.start("two"), machine.start("three", dies=True)]
    done = machine.run("down", "--all", "--yes", "--grace", "5")
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    begun = {line[:3]: number for number, line in enumerate(lines) if line[3:7] == ": 1."}
    over = {line[:3]: number for number, line in enumerate(lines) if line[3:7] == ": 4."}
    assert begun.keys() == over.keys() == {"one", "two"}
    assert max(begun.values()) < min(over.values()), "one has ended before the other began"
    assert any(line.startswith("three: 4.") for line in lines)
    assert not any(record.identity.alive for record in records)
    assert machine.run("ls").stdout == ""


@pytest.mark.parametrize("unread", ["stdout", "stderr", "both"])
def test_all_go_down_whoever_reads_of_it(machine: Machine, unread: str) -> None:
    records = [machine.start("one"), machine.start("two")]
    reader, writer = os.pipe()
    os.close(reader)
    streams: dict[str, Any] = {name: subprocess.PIPE if unread not in {name, "both"} else writer for name in _STREAMS}
    command = [sys.executable, "-m", "console.main", "local", "down", "--all", "--yes", "--grace", "5"]
    done = subprocess.run(command, check=False, text=True, env=machine.environ, timeout=60, **streams)
    os.close(writer)
    assert done.returncode == 0, done.stderr
    assert not any(record.identity.alive for record in records)
    assert machine.run("ls").stdout == ""


@pytest.mark.parametrize("words", [["down"], ["down", "one", "--all"], ["down", "two"], ["restart", "two"]])
def test_which_server(machine: Machine, words: Sequence[str]) -> None:
    assert machine.run(*words, "--yes").returncode == 2


def test_benchmarks(machine: Machine) -> None:
    assert "no benchmarks yet" in machine.run("benches").stderr
    level = ConcurrencyLevel(4, 16, 0, 2.0, 8.0, 512.0, ttft_p50=0.04)
    machine.servers.mkdir(parents=True)
    for server in ("one", "two"):
        keep_bench(machine.servers, Bench(f"id-{server}", server, server, 1000.0, 256, 128, (level,), "0.32.0"))
    assert "512" in machine.run("benches").stdout
    found = document(machine.run("benches", "--json"))
    assert found["schema"] == "quarterdeck/benches/v1"
    assert {bench["node"] for bench in found["benches"]} == {"one", "two"}
    (own,) = document(machine.run("benches", "two", "--json"))["benches"]
    assert own["levels"][0]["output_rate"] == 512.0


def test_an_entry(machine: Machine) -> None:
    record = machine.start("one")
    done = machine.run("entry", "one", "--for", "nginx")
    assert done.returncode == 0
    assert f"server 127.0.0.1:{record.spec.port}" in done.stdout
    assert "LiteLLM" not in done.stdout


@pytest.mark.parametrize(
    "words",
    [["up", "m"], ["down", "one"], ["restart", "one"], ["try", "one", "hi"], ["bench", "one"], ["up", "--like", "a/b"]],
)
def test_read_only_refuses_what_acts(machine: Machine, words: Sequence[str]) -> None:
    record = machine.start("one")
    done = machine.run(*words, "--read-only")
    assert done.returncode == 4
    assert "was refused: this is read-only" in done.stderr
    assert record.identity.alive


@pytest.mark.parametrize("words", [["ls"], ["logs", "one"], ["benches"], ["entry", "one"]])
def test_read_only_lets_look(machine: Machine, words: Sequence[str]) -> None:
    machine.start("one")
    assert machine.run(*words, "--read-only").returncode == 0


def test_a_record_that_cannot_be_read_is_said(machine: Machine) -> None:
    machine.start("one")
    (machine.servers / "bad").mkdir()
    (machine.servers / "bad" / "record.json").write_text("{")
    done = machine.run("ls")
    assert done.returncode == 1
    assert "bad/record.json cannot be read" in done.stderr
    assert done.stdout.splitlines()[1].split()[0] == "one"
