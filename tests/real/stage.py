"""Real parts on loopback, started for a test and ended with it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests import plain, prefork
from tests.ports import free_port
from tests.waiting import PATIENCE, block_until


@contextmanager
def prometheus(folder: Path, config: Mapping[str, Any]) -> Iterator[str]:
    """Debian's Prometheus with this configuration, ready, as its base URL."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(dict(config)))
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("wb") as log:
        server = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
                "--storage.tsdb.min-block-duration=2h",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        block_until(lambda: _ready(f"http://{address}/-/ready"), "Prometheus to be ready")
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _ready(url: str) -> bool:
    try:
        return plain.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def query(base: str, text: str, at: float | None = None) -> list[dict[str, Any]]:
    """The result of an instant query, as a person would ask it with curl."""
    parameters = {"query": text} | ({} if at is None else {"time": repr(at)})
    answer = plain.get(f"{base}/api/v1/query", params=parameters, timeout=20).json()
    assert answer["status"] == "success", answer
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def quarterdeck(*arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command, as a person would."""
    return prefork.quarterdeck(*arguments, env=os.environ | (environ or {}), timeout=120)


def snapshot(*arguments: str) -> dict[str, Any]:
    """``quarterdeck snapshot --json``, parsed."""
    done = quarterdeck("snapshot", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document
