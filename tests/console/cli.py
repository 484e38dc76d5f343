"""The command line as a person starts it: a process of its own, with nothing of ours in its environment."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from tests.waiting import PATIENCE


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


async def quarterdeck(home: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> Said:
    """Run one command to its end; ``home`` is all that it knows of the person."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "console.main",
        *arguments,
        env={
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **(environ or {}),
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Said(process.returncode or 0, out.decode(), err.decode())


def kubeconfig(home: Path, server: str, user: Mapping[str, object] | None = None, **cluster: object) -> Path:
    """The kubeconfig of that home, with one context of this server."""
    file = home / ".kube" / "config"
    file.parent.mkdir(exist_ok=True)
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "serving"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": dict(user or {"token": "t"})}],
    }
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file
