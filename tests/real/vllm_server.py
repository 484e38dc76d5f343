"""Variables and arguments with which real vLLM servers start on the CPU."""

from __future__ import annotations

import os
from pathlib import Path

from tests.real.vllm_install import READY

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
STARTUP = 300.0
"""Seconds; about 30 on two idle cores, several times that on busy ones."""


def installation() -> Path | None:
    """The virtual environment with vLLM: $VLLM_FOR_TESTS, else .venv-vllm beside the project's own; None for none."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("VLLM_FOR_TESTS", root / ".venv-vllm"))
    return folder if (folder / READY).exists() else None
