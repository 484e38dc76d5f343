"""The command line as a person starts it: a process of its own, with nothing of ours in its environment."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from tests import prefork


class Said(NamedTuple):
    """Outcome of a command."""

    code: int
    out: str
    err: str


async def quarterdeck(home: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> Said:
    """Run one command to its end; ``home`` is all that it knows of the person."""
    own = {"HOME": str(home)} | {name: os.environ[name] for name in ("PATH", "LC_ALL")}
    done = await asyncio.to_thread(prefork.quarterdeck, *arguments, env=own | dict(environ or {}))
    return Said(done.returncode, done.stdout, done.stderr)


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
