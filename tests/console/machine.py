"""A machine with a fake vLLM for tests that run the whole program on it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.local.fakes import Box, a_box
from tests.prefork import quarterdeck


@asynccontextmanager
async def a_machine(folder: Path, monkeypatch: pytest.MonkeyPatch, **behaviour: Any) -> AsyncIterator[Box]:
    """The box and the program have one state folder; there is no kubeconfig."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "xdg"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("KUBECONFIG", str(folder / "no-kubeconfig"))
    async with a_box(folder / "box", **behaviour) as made:
        (folder / "box" / "state").mkdir()
        (folder / "xdg").mkdir()
        (folder / "xdg" / "quarterdeck").symlink_to(folder / "box" / "state")
        yield made


async def started(box: Box, name: str = "tiny", **values: Any) -> None:
    """A server that is ready."""
    _, outcome = await box.carried_out(box.up(box.spec(name, **values)))
    assert outcome.ok, outcome


async def run(box: Box, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """``quarterdeck …`` in a process of its own, which finds no other vLLM than that of the test."""
    env = {**os.environ, "PATH": f"{box.vllm.parent}", "COLUMNS": "120", **environ}
    return await asyncio.to_thread(quarterdeck, *words, env=env)
