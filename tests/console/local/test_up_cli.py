"""``quarterdeck local up`` and ``restart`` in a process of their own; their ``vllm`` loads and dies as a test wants."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from actions.local.environment import SERVER_ID
from console.session.local.presets import free_port
from fleet.local.record import ServerRecord, read_records, servers_folder
from tests.ending import ending, until_ended
from tests.prefork import quarterdeck
from tests.waiting import PATIENCE, block_until

pytest.importorskip("actions.local.checks.launch")

VLLM = """#!{python}
import http.server, json, os, pathlib, sys, time
words = sys.argv[1:]
if words == ["--version"]:
    print("0.32.0+cpu")
    sys.exit()
if "--help" in words or "--help=all" in words:
    sys.exit()
def value(flag):
    return words[words.index(flag) + 1]
def log(text):
    print("INFO " + time.strftime("%m-%d %H:%M:%S") + " [x.py:1] " + text, flush=True)
here = pathlib.Path(__file__).parent
log("Starting to load model")
print("Loading safetensors checkpoint shards: 50% Completed | 1/2 [00:00<00:00, 1.0s/it]", flush=True)
while (here / "hold").exists():
    time.sleep(0.02)
if (here / "die").exists():
    print("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", flush=True)
    sys.exit(1)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"vllm:num_requests_running 0\\nvllm:num_requests_waiting 0\\n"
        if self.path.startswith("/v1/"):
            body = json.dumps({{"data": [{{"id": "served"}}]}}).encode()
        known = self.path != "/v1/models" or self.headers["Authorization"] == "Bearer " + os.environ["VLLM_API_KEY"]
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer((value("--host"), int(value("--port"))), Handler)
log("Application startup complete.")
server.serve_forever()
"""
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "hidden_size": 16,
    "intermediate_size": 32,
    "vocab_size": 32,
    "max_position_embeddings": 256,
    "torch_dtype": "float32",
}


@dataclass
class Box:
    """A machine with a ``vllm``, a model and a state folder."""

    root: Path

    @property
    def environ(self) -> dict[str, str]:
        own = {name: str(self.root / name) for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "KUBECONFIG")}
        path = f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, **own, "COLUMNS": "120", "PATH": path, "VLLM_CPU_KVCACHE_SPACE": "1"}

    @property
    def model(self) -> str:
        return str(self.root / "Tiny")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "console.main", "local", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``quarterdeck local …`` without a terminal."""
        return quarterdeck("local", *arguments, env=self.environ)

    def say(self, what: str) -> None:
        """``hold`` the load, or ``die`` at its end."""
        (self.root / "bin" / what).touch()

    @property
    def records(self) -> tuple[ServerRecord, ...]:
        return read_records(servers_folder(self.root / "XDG_STATE_HOME" / "quarterdeck"))[0]

    @property
    def record(self) -> ServerRecord:
        (found,) = self.records
        return found


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    found = Box(tmp_path)
    (tmp_path / "bin").mkdir()
    executable = tmp_path / "bin" / "vllm"
    executable.write_text(VLLM.format(python=sys.executable))
    executable.chmod(0o755)
    model = Path(found.model)
    model.mkdir()
    (model / "config.json").write_text(json.dumps(CONFIG))
    (model / "tokenizer.json").write_text("{}")
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (model / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    yield found
    for record in found.records:
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(SERVER_ID) == record.id:
                    process.send_signal(signal.SIGKILL)
                    until_ended([process])


def up(box: Box, *more: str) -> list[str]:
    # Two tests side by side must not take the same port between the check and the start.
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0)
    return ["up", box.model, "--yes", "--port", str(free_port(21000 + 500 * worker)), *more]


def test_up_is_followed_until_it_is_ready(box: Box) -> None:
    done = box.run(*up(box, "--max-model-len", "128", "--reason", "INC-1", "--", "--seed", "1"))
    assert done.returncode == 0, done.stderr
    assert "ready after" in done.stdout
    assert "as served" in done.stdout
    assert "load the model" in done.stderr
    record = box.record
    assert record.name == "tiny"
    assert record.identity.alive
    assert record.argv[-2:] == ("--seed", "1")
    assert record.argv[record.argv.index("--max-model-len") :][:2] == ("--max-model-len", "128")
    assert record.key not in done.stdout + done.stderr


def test_one_that_dies_says_why_with_its_last_lines(box: Box) -> None:
    box.say("die")
    done = box.run(*up(box, "--json"))
    assert done.returncode == 1
    document: Any = json.loads(done.stdout)
    assert document["outcome"]["result"] == "failed"
    assert "memory" in document["outcome"]["text"]
    assert "  torch.OutOfMemoryError: CUDA out of memory" in done.stderr
    assert f"its log: {box.record.log}" in done.stderr


def test_detached_it_loads_on(box: Box) -> None:
    box.say("hold")
    done = box.run(*up(box, "--detach"))
    assert done.returncode == 0, done.stderr
    assert "tiny continues to load" in done.stdout
    assert box.record.identity.alive
    block_until(lambda: "reading weights" in box.run("ls").stdout, "the log being read")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_leaves_it_loading_and_says_so(box: Box, number: signal.Signals) -> None:
    box.say("hold")
    with ending(
        subprocess.Popen(
            box.command(*up(box)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=box.environ
        )
    ) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        seen = ""
        while "shard" not in seen:
            seen = following.stderr.readline()
            assert seen, "it ended before it loaded"
        following.send_signal(number)
        out = following.stdout.read()
        following.stderr.read()
        assert following.wait(PATIENCE) == 130
    assert "tiny continues to load" in out
    assert "local down tiny" in out
    assert box.record.identity.alive


def test_a_restart_changes_what_is_given_and_nothing_else(box: Box) -> None:
    first = box.run(*up(box, "--max-model-len", "128", "--", "--seed", "1"))
    assert first.returncode == 0, first.stderr
    before = box.record
    done = box.run("restart", "tiny", "--max-num-seqs", "2", "--yes", "--grace", "2")
    assert done.returncode == 0, done.stderr
    assert re.search(r"max num seqs +vLLM's own .* 2", done.stderr)
    after = box.record
    assert after.id != before.id
    assert not before.identity.alive
    assert after.identity.alive
    assert (after.spec.max_num_seqs, after.spec.max_model_len, after.spec.extra) == (2, 128, ("--seed", "1"))
    assert after.spec.port == before.spec.port


def test_a_dry_run_starts_nothing(box: Box) -> None:
    done = box.run(*(word for word in up(box, "--dry-run") if word != "--yes"))
    assert done.returncode == 0, done.stderr
    assert "Start tiny" in done.stdout
    assert box.records == ()


def test_a_model_that_is_not_there_is_refused(box: Box) -> None:
    done = box.run("up", str(box.root / "nothing"), "--yes")
    assert done.returncode == 4
    assert "refused: " in done.stderr
    assert box.records == ()


@pytest.mark.parametrize("model", ["~nobody-of-this-name/x", "x" * 5000, "./loop"])
def test_a_path_that_is_none_is_refused(box: Box, model: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    command = box.command("up", model, "--yes", "--json")
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=box.environ, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 4, done.stderr
    assert json.loads(done.stdout)["outcome"] is None
    assert len(done.stderr) < 1000
    assert box.records == ()


def test_undo_ends_what_was_started_and_starts_what_was_ended(box: Box) -> None:
    assert box.run(*up(box)).returncode == 0
    done = box.run("undo", "--yes")
    assert done.returncode == 0, done.stderr
    assert "Undo “Start tiny”: take tiny down" in done.stderr
    assert not box.records
    assert box.run(*up(box)).returncode == 0
    assert box.run("down", "tiny", "--yes").returncode == 0
    done = box.run("undo", "--yes")
    assert done.returncode == 0, done.stderr
    assert [record.name for record in box.records] == ["tiny"]


def test_a_variable_with_a_secret_is_in_no_file_that_is_shown_and_comes_back_with_a_restart(box: Box) -> None:
    given = ("--env", "DB_PASS=hunter2xyz", "--env", "FLAVOUR=vanilla7")
    started = box.run("up", box.model, "--name", "tiny", *given, "--yes", "--json")
    assert started.returncode == 0, started.stderr
    listed = box.run("ls", "--json")
    again = box.run("restart", "tiny", "--yes", "--json")
    assert again.returncode == 0, again.stderr
    output = "".join(done.stdout + done.stderr for done in (started, listed, again))
    state = Path(box.environ["XDG_STATE_HOME"])
    [secrets] = state.rglob("secrets.json")
    files = [file for file in state.rglob("*") if file.is_file() and file != secrets]
    written = "".join(file.read_text(errors="replace") for file in files)
    for value in ("hunter2xyz", "vanilla7"):
        assert value not in output
        assert value not in written
    assert json.loads(secrets.read_bytes()) == {"DB_PASS": "hunter2xyz", "FLAVOUR": "vanilla7"}
    assert secrets.stat().st_mode & 0o777 == 0o600


def test_json_of_a_start_holds_no_secret(box: Box) -> None:
    done = box.run(*up(box, "--name", "tiny", "--env", "HF_TOKEN=hf_abcdefghijklmnopqrstuvwx", "--json"))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["outcome"]["result"] == "converged"
    assert document["plan"]["request"]["spec"]["env"] == {"HF_TOKEN": "[redacted]"}
    assert "hf_abc" not in done.stdout + done.stderr
