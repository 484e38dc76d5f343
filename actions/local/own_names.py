"""Names that identify a server's remains as its own, however it ended.

vLLM's processes name shared memory and semaphores at random (``psm_…``, ``sem.mp-…`` in /dev/shm) and put files into
the temporary folder (``vllm_dist_…``). A killed process removes none of it. So each server gets its own temporary
folder, and its Python prefixes such names with the server's mark: anything with the mark is the server's.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from actions.local.environment import SERVER_ID

_MARK: Final = 12
"""Characters of a server's id: 48 random bits."""
_SITE: Final = "site"
_TEMPORARY: Final = "TMPDIR"
_PATH: Final = "PYTHONPATH"
_COMPILED: Final = "TORCHINDUCTOR_CACHE_DIR"
_BUFFER: Final = "VLLM_OBJECT_STORAGE_SHM_BUFFER_NAME"
# Python runs a module of this name at startup; an existing one is run as well.
_MODULE: Final = f'''"""Written by quarterdeck: shared memory and semaphores of this server are named after it."""

import importlib.machinery
import importlib.util
import os
import sys


def _name(mark):
    from multiprocessing import process, shared_memory

    process.current_process()._config["semprefix"] = "/mp-" + mark
    shared_memory._SHM_NAME_PREFIX = "/psm_" + mark + "_"
    shared_memory._SHM_SAFE_NAME_LENGTH = len(shared_memory._SHM_NAME_PREFIX) + 8


def _run_theirs():
    here = os.path.dirname(os.path.abspath(__file__))
    others = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    found = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if found is not None and found.loader is not None:
        found.loader.exec_module(importlib.util.module_from_spec(found))


try:
    _name(os.environ["{SERVER_ID}"][:{_MARK}])
except (ImportError, KeyError):
    # A Python without shared memory, or a process that is not of the server.
    pass
_run_theirs()
'''


def mark_of(server: str) -> str:
    """Return the mark in the names of a server's files; ``server`` is its record's id."""
    return server[:_MARK]


def with_own_names(env: Mapping[str, str], server: str, runtime: Path) -> dict[str, str]:
    """Return ``env`` changed so that a server's temporary files are in ``runtime`` and its names have its mark.

    Writes a module into ``runtime``. Raises OSError.
    """
    site = runtime / _SITE
    site.mkdir(mode=0o700, exist_ok=True)
    (site / "sitecustomize.py").write_text(_MODULE)
    temporary = env.get(_TEMPORARY) or "/tmp"  # noqa: S108 - where the system has them
    # Code compiled by an earlier start is found at the same place.
    compiled = Path(temporary) / f"torchinductor_{_login(env)}"
    return {
        _COMPILED: str(compiled),
        **env,
        _TEMPORARY: str(runtime),
        _PATH: os.pathsep.join(part for part in (str(site), env.get(_PATH, "")) if part),
        _BUFFER: f"{env.get(_BUFFER, 'VLLM_OBJECT_STORAGE_SHM_BUFFER')}_{mark_of(server)}",
    }


def _login(env: Mapping[str, str]) -> str:
    """Return the login that ``getpass.getuser`` finds in that environment."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if env.get(name):
            return env[name]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
