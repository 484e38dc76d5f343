"""The process that wrote a record: it distinguishes an interrupted action from one that another console still runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ENDED = frozenset({"Z", "X", "x"})


def this_process() -> dict[str, Any]:
    """Return the process id and, if the system reports it, the start time (clock ticks since boot)."""
    pid = os.getpid()
    return {"pid": pid, "ticks": _ticks(pid)}


def still_runs(process: Mapping[str, Any], host: str) -> bool | None:
    """Return whether the process of a record is alive; None if it is on another machine."""
    if host != socket.gethostname():
        return None
    pid, ticks = process.get("pid"), process.get("ticks")
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OverflowError:
        return False  # not a valid process id
    except PermissionError:
        pass  # there is one, of another user
    # Process ids are reused: a different start time means a different process.
    return ticks is None or _ticks(pid) == ticks


def _ticks(pid: int) -> int | None:
    """Return field 22 of /proc/PID/stat (proc(5)); None if unknown, and for a process that has ended.

    A killed process stays in the table until its parent has reaped it.
    """
    try:
        # The command's name in field 2 may hold blanks and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return None if fields[0] in _ENDED else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None
