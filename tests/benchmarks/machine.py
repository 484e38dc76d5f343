"""The machine of a measurement: the line above every table of numbers. It names no host and no path."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.peers import PEERS


def machine() -> str:
    """The processor as the system names it, and what of it this process may use."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{cores} core{'s' if cores > 1 else ''} of {_processor()}, {memory:.0f} GiB, {platform.system()}"


def programs() -> str:
    """Return the versions of our program and of those below it."""
    parts = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in ("quarterdeck", "textual"))]
    return ", ".join([*parts, _prometheus()])


def peers() -> str:
    """Return the names of the programs in the comparison."""
    return ", ".join(peer.name for peer in PEERS)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _prometheus() -> str:
    if shutil.which("prometheus") is None:
        return "no Prometheus"
    done = subprocess.run(["prometheus", "--version"], capture_output=True, text=True, check=False)
    # "prometheus, version 2.42.0+ds (branch: …": an old one says it on stderr.
    words = (done.stdout or done.stderr).split()
    return f"Prometheus {words[2].partition('+')[0]}" if len(words) > 2 else "Prometheus"
