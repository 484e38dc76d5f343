"""Other programs that show vLLM's metrics in a terminal: from the package index, in an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.benchmarks.stage import FleetServer, NotHereError

VLLMSTAT = "vllmstat==0.9.1"
VLLM_HTOP = "vllm-htop==0.5.0"
_INSTALL_TIMEOUT = 240


@dataclass(frozen=True, slots=True)
class Peer:
    """A program to compare with."""

    requirement: str

    @property
    def name(self) -> str:
        return self.requirement.replace("==", " ")

    def command(self, server: FleetServer, interval: float) -> list[str]:
        """Its command line for all engines of a fleet. Raises NotHereError where it cannot be installed."""
        program = str(_installed(self.requirement))
        every = ["--interval", f"{interval:g}"]
        if self.requirement == VLLMSTAT:
            return [program, "--no-gpu", *every, *(word for url in server.urls for word in ("-u", url))]
        return [program, "--no-gpu-detect", *every, "--url", *server.urls]


PEERS = (Peer(VLLM_HTOP), Peer(VLLMSTAT))


@cache
def _installed(requirement: str) -> Path:
    """The program of this distribution, installed once and kept in the user's cache. Raises NotHereError."""
    name = requirement.partition("==")[0]
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache_home / "quarterdeck" / "benchmarks" / requirement.replace("==", "-")
    program, done = folder / "bin" / name, folder / ".done"
    if not done.exists():
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
            said = str(error.stderr or error).strip().splitlines()
            raise NotHereError(f"{requirement} cannot be installed: {said[-1] if said else error}") from error
        done.touch()
    return program
