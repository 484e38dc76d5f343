"""Start a real vLLM server on the CPU, for as long as a test needs it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests import plain
from tests.ports import free_port
from tests.real.vllm_install import READY
from tests.waiting import PATIENCE

UNBOUND = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}
"""Variables that keep servers from binding to cores.

By default every server binds itself, and the compilers that it starts, to the first core of this machine: several that
start at once would take turns on one core, with the others idle. One thread, since several spin while they wait for
each other, and on a busy machine for most of the time.
"""
ONE_PROCESS = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
"""The model runs in the process of the engine, as it does on one GPU; on the CPU it has one of its own by default, and
the two spin on a core each while they wait for each other: half of what a load costs, and a quarter of a start.
"""
KEPT = "VLLM_CACHE_ROOT"
"""Variable with the folder of a server's cache about classes of models, which takes a process with an import of vLLM to
fill. It is next to the installation, so it is filled once.
"""
EAGER = "--enforce-eager"
"""Argument to skip compilation of the model, which takes most of a start and is irrelevant to serving."""
ENVIRONMENT = (
    UNBOUND
    | ONE_PROCESS
    | {
        "VLLM_TARGET_DEVICE": "cpu",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
)
STARTUP = 300.0
"""Seconds; about 30 on two idle cores, several times that on busy ones."""


def installation() -> Path | None:
    """The virtual environment with vLLM: $VLLM_FOR_TESTS, else .venv-vllm beside the project's own; None for none."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("VLLM_FOR_TESTS", root / ".venv-vllm"))
    return folder if (folder / READY).exists() else None


@contextmanager
def served(vllm: Path, folder: Path, *, slots: int) -> Iterator[str]:
    """A ready server of a tiny random model, as ``http://127.0.0.1:port``; its model is called ``tiny``.

    ``slots`` requests run at once, the others wait. Raises RuntimeError with the end of its log when it does not become
    ready.
    """
    python = str(vllm / "bin" / "python")
    maker = Path(__file__).with_name("vllm_model.py")
    subprocess.run([python, str(maker), str(folder / "model")], check=True, capture_output=True)
    port = free_port()
    log = folder / "vllm.log"
    command = [
        str(vllm / "bin" / "vllm"), "serve", str(folder / "model"), "--served-model-name", "tiny",
        "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32",
        "--max-model-len", "1024", "--max-num-seqs", str(slots), EAGER,
    ]  # fmt: skip
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | ENVIRONMENT | {KEPT: str(vllm / "cache")},
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(server, url, log)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(PATIENCE)


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTUP
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            if plain.get(f"{url}/health", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            # Not listening yet: there is nothing to await but the next attempt.
            time.sleep(0.5)
    raise RuntimeError(f"vLLM did not become ready:\n{log.read_text(errors='replace')[-3000:]}")
