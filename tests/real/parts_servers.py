"""Start a real llama.cpp server or a real LiteLLM proxy on loopback, for as long as a test needs it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests import plain
from tests.ports import free_port
from tests.waiting import PATIENCE, block_until

STARTUP = 180.0
"""Seconds; LiteLLM takes about 10 on two idle cores and several times that on busy ones."""
KEY = "sk-for-tests-on-loopback-only"
"""LiteLLM refuses to start without one."""


@contextmanager
def llama_cpp(environment: Path, folder: Path, *, slots: int, metrics: bool = True) -> Iterator[str]:
    """A ready server of a tiny random model called ``tiny``, as ``http://127.0.0.1:port``; ``slots`` run at once."""
    port = free_port()
    program = Path(__file__).with_name("llama_cpp_program.py")
    lines = [str(folder / "tiny.gguf"), str(port), "tiny", str(slots), "metrics" if metrics else "none"]
    with _running([str(environment / "bin" / "python"), str(program), *lines], folder / "llama.log", {}) as server:
        _wait(server, f"http://127.0.0.1:{port}/health", folder / "llama.log")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def litellm(environment: Path, folder: Path, config: Mapping[str, Any]) -> Iterator[str]:
    """A ready proxy with this configuration and its key, as ``http://127.0.0.1:port``."""
    port = free_port()
    file = folder / "litellm.yaml"
    file.write_text(yaml.safe_dump(dict(config) | {"general_settings": {"master_key": KEY}}))
    bind = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    command = [str(environment / "bin" / "litellm"), "--config", str(file), *bind]
    # Otherwise it fetches the prices of models, and asks a hub for tokenizers.
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1"}
    with _running(command, folder / "litellm.log", offline) as server:
        _wait(server, f"http://127.0.0.1:{port}/health/liveliness", folder / "litellm.log")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(command: Sequence[str], log: Path, variables: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env=os.environ | variables,
        )
    try:
        yield server
    finally:
        # Nothing is left to be kept, and either may wait for requests that never end.
        server.kill()
        server.communicate(timeout=PATIENCE)


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    def ready() -> bool:
        assert server.poll() is None, f"it ended:\n{log.read_text(errors='replace')[-3000:]}"
        try:
            return plain.get(url, timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    block_until(ready, f"{url} to answer", STARTUP)
