"""Other programs that show vLLM's metrics in a terminal: from the package index, in an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.benchmarks.stage import VALUE, FleetServer, NotHereError

_INSTALL_TIMEOUT = 240

Arguments = Callable[[FleetServer, str], list[str]]
"""The arguments of a program for a fleet and an interval."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A program to compare with."""

    distribution: str
    version: str
    program: str
    """Name of its command, if it differs from the distribution's."""
    arguments: Arguments
    many: bool = False
    """True if it shows more than one engine."""
    shows: str = VALUE
    """A pattern of its first true value."""

    @property
    def name(self) -> str:
        return f"{self.distribution} {self.version}"

    def command(self, server: FleetServer, interval: float) -> list[str]:
        """Return its command line, refreshing every ``interval`` seconds. Raises NotHereError if it cannot be
        installed.
        """
        return [str(_installed(self)), *self.arguments(server, f"{interval:g}")]


def _vllm_htop(server: FleetServer, interval: str) -> list[str]:
    return ["--no-gpu-detect", "--interval", interval, "--url", *server.urls]


def _vllmstat(server: FleetServer, interval: str) -> list[str]:
    return ["--no-gpu", "--interval", interval, *(word for url in server.urls for word in ("-u", url))]


def _vllmpytop(server: FleetServer, interval: str) -> list[str]:
    return ["--no-gpu", "--interval", interval, "--url", server.urls[0]]


def _vllm_mon(server: FleetServer, interval: str) -> list[str]:
    return ["--interval", interval, "--url", server.urls[0], "--db", str(server.folder / "vllm-mon.db")]


def _vllm_top(server: FleetServer, interval: str) -> list[str]:
    return ["--interval", interval, "--host", "127.0.0.1", "--port", str(server.engines[0])]


VLLM_HTOP = Peer("vllm-htop", "0.5.0", "vllm-htop", _vllm_htop, many=True)
VLLMSTAT = Peer("vllmstat", "0.9.1", "vllmstat", _vllmstat, many=True)
OF_FLEETS = (VLLM_HTOP, VLLMSTAT)
OF_ONE = (
    # It shows a rate where the others show a value, which takes two samples.
    Peer("vllmpytop", "0.3.0", "vllmpytop", _vllmpytop, shows=r"[1-9][\d.]*k? tok/s"),
    Peer("vllm-mon", "0.1.0", "vllm-dash", _vllm_mon),
    Peer("vllm-top", "0.1.2", "vllm-top", _vllm_top),
)
"""Programs that show a single engine."""
PEERS = (*OF_FLEETS, *OF_ONE)


def install() -> None:
    """All of them, where that is possible: installing is no part of any measurement. Who lacks one will say so."""
    for peer in PEERS:
        with suppress(NotHereError):
            _installed(peer)


@cache
def _installed(peer: Peer) -> Path:
    """The program of this distribution, installed once and kept in the user's cache. Raises NotHereError."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache_home / "quarterdeck" / "benchmarks" / f"{peer.distribution}-{peer.version}"
    program, done = folder / "bin" / peer.program, folder / ".done"
    if not done.exists():
        requirement = f"{peer.distribution}=={peer.version}"
        print(f"installing {requirement} in {folder} …", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        try:
            subprocess.run(
                [folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", requirement],
                check=True,
                capture_output=True,
                text=True,
                timeout=_INSTALL_TIMEOUT,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            lines = str(error.stderr or error).strip().splitlines()
            raise NotHereError(f"{requirement} cannot be installed: {lines[-1] if lines else error}") from error
        done.touch()
    if not program.exists():
        raise NotHereError(f"{peer.name} has no program {peer.program}")
    return program
