"""The program behind tests.local.fakes: what ``vllm serve`` does as far as anybody outside of it can see.

Standard library only, so that it starts at once. How it behaves is in ``behaviour.json`` beside it.
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

HERE = Path(sys.argv[0]).parent
BEHAVIOUR: dict[str, Any] = json.loads((HERE / "behaviour.json").read_text())
ARGUMENTS = sys.argv[1:]
RUNNING: set[str] = set()
LOCK = threading.Lock()
ENDING, ENDED = threading.Event(), threading.Event()
WORKER = """
import os, signal, sys, time
if sys.argv[2] == "daemon":
    os.setsid()
signal.signal(signal.SIGINT, signal.SIG_IGN)
if sys.argv[3] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
memory = open(sys.argv[1], "wb") if sys.argv[1] else None
print("worker", os.getpid(), flush=True)
time.sleep(600)
"""


def value(flag: str, default: str = "") -> str:
    return ARGUMENTS[ARGUMENTS.index(flag) + 1] if flag in ARGUMENTS else default


def log(text: str, level: str = "INFO") -> None:
    stamp = time.strftime("%m-%d %H:%M:%S")
    print(f"(APIServer pid={os.getpid()}) {level} {stamp} [fake.py:1] {text}", flush=True)


def wait_for(name: str) -> None:
    """Hold until the test takes the file away."""
    while (HERE / name).exists():
        time.sleep(0.01)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if ENDING.is_set() and BEHAVIOUR["closes"]:
            # Clients with an open connection find it closed.
            self.close_connection = True
            return None
        if self.path == "/health":
            return self.answer(200, b"")
        if self.path == "/metrics":
            return self.answer(200, metrics().encode(), "text/plain")
        if not self.allowed():
            return self.answer(401, b'{"error": "Unauthorized"}')
        served = value("--served-model-name") or ARGUMENTS[1]
        return self.answer(200, json.dumps({"data": [{"id": served, "max_model_len": 1024}]}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.allowed():
            return self.answer(401, b"{}")
        if ENDING.is_set():
            return self.answer(500, b'{"error": "cannot schedule new futures after shutdown"}')
        request = uuid.uuid4().hex
        with LOCK:
            RUNNING.add(request)
        try:
            wait_for("busy")
            return self.answer(200, b'{"choices": [{"text": "done"}]}')
        finally:
            with LOCK:
                RUNNING.discard(request)

    def allowed(self) -> bool:
        key = os.environ.get("VLLM_API_KEY")
        return not key or self.headers.get("Authorization") == f"Bearer {key}"

    def log_message(self, *_: Any) -> None:
        pass


def metrics() -> str:
    served = value("--served-model-name") or ARGUMENTS[1]
    labels = f'{{engine="0",model_name="{served}"}}'
    gauges = {"num_requests_running": len(RUNNING), "num_requests_waiting": 0, "kv_cache_usage_perc": 0.25}
    return "".join(f"# TYPE vllm:{name} gauge\nvllm:{name}{labels} {number}\n" for name, number in gauges.items())


def workers() -> None:
    """An engine core and a worker, with shared memory between them."""
    for _ in range(2):
        name = f"/dev/shm/psm_{os.environ['QUARTERDECK_NODE'][:12]}{len(CHILDREN)}"  # noqa: S108 - where shared memory is
        shared = name if BEHAVIOUR["shared"] else ""
        kind = "daemon" if BEHAVIOUR["daemon"] else "worker"
        deaf = "deaf" if BEHAVIOUR["deaf_workers"] else "hears"
        command = [sys.executable, "-c", WORKER, shared, kind, deaf]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=False)
        assert child.stdout is not None
        child.stdout.readline()
        CHILDREN.append((child, shared))


CHILDREN: list[tuple[subprocess.Popen[bytes], str]] = []


def end(server: http.server.ThreadingHTTPServer) -> None:
    """Stop as vLLM does: with a shutdown timeout the running requests first; then workers, memory, the server."""
    ENDING.set()
    log("[shutdown] API server: shutdown triggered")
    if BEHAVIOUR["closes"]:
        server.shutdown()
        server.socket.close()
    deadline = time.monotonic() + float(value("--shutdown-timeout", "0"))
    while RUNNING and time.monotonic() < deadline:
        time.sleep(0.01)
    if not BEHAVIOUR["leaves_workers"]:
        for child, shared in CHILDREN:
            child.kill()
            child.wait()
            if shared:
                Path(shared).unlink(missing_ok=True)
    server.shutdown()
    ENDED.set()


def main() -> None:
    if ARGUMENTS == ["--version"]:
        print(BEHAVIOUR["version"])
        return
    if "--help=all" in ARGUMENTS or "--help" in ARGUMENTS:
        print("--shutdown-timeout" if BEHAVIOUR["drains"] else "--port")
        return
    unknown = [word for word in ARGUMENTS if word.startswith("--no-such")]
    if unknown:
        print(f"vllm: error: unrecognized arguments: {' '.join(unknown)}", file=sys.stderr)
        sys.exit(2)
    # The real one takes its port first and loads then.
    server = socket.create_server((value("--host"), int(value("--port"))), reuse_port=False)
    server.close()
    log(f"non-default args: {{'port': {value('--port')}, 'trust_remote_code': False}}")
    workers()
    sockets = os.environ.get("VLLM_RPC_BASE_PATH")
    if sockets:
        left = socket.socket(socket.AF_UNIX)
        left.bind(f"{sockets}/{uuid.uuid4()}")
    # The rendezvous of PyTorch's processes.
    Path(tempfile.gettempdir(), f"vllm_dist_{uuid.uuid4().hex}").touch()
    log("Starting to load model")
    for shard in range(BEHAVIOUR["shards"] + 1):
        done = f"{100 * shard // BEHAVIOUR['shards']:3d}% Completed | {shard}/{BEHAVIOUR['shards']}"
        print(f"Loading safetensors checkpoint shards: {done} [00:00<?, ?it/s]", end="\r", flush=True)
        if shard == 1:
            wait_for("hold")
    print(flush=True)
    if BEHAVIOUR["dies_of"]:
        print("Traceback (most recent call last):\n" + BEHAVIOUR["dies_of"], flush=True)
        print("RuntimeError: Engine core initialization failed. See root cause above.", flush=True)
        for child, shared in CHILDREN:
            child.kill()
            child.wait()
            Path(shared or "/nowhere").unlink(missing_ok=True)
        sys.exit(1)
    log("Loading weights took 0.01 seconds")
    log("torch.compile takes 0.10 s in total")
    serving = http.server.ThreadingHTTPServer((value("--host"), int(value("--port"))), Handler)
    # Connections that clients keep open do not keep it alive.
    serving.daemon_threads = True

    def asked(*_: Any) -> None:
        threading.Thread(target=end, args=(serving,)).start()

    for number, deaf in ((signal.SIGINT, BEHAVIOUR["deaf"]), (signal.SIGTERM, BEHAVIOUR["deaf"])):
        signal.signal(number, signal.SIG_IGN if deaf else asked)
    print("INFO:     Application startup complete.", flush=True)
    serving.serve_forever(poll_interval=0.02)
    ENDED.wait()
    serving.server_close()


main()
