"""Private files: readable by their owner only, and never half written."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

_MODE: Final = 0o700
_OTHERS: Final = 0o077


def make_private(folder: Path, top: Path) -> None:
    """Make ``folder`` and its missing parents, 0700 from ``top`` down; existing ones are changed to that.

    Another user's folder is left alone (writing there reports the problem), and so is a deliberately shared one
    (``chmod +t``). Raises OSError.
    """
    _make(top.parent, parents=True)
    inner = folder.relative_to(top)
    for step in (top, *(top / part for part in reversed([inner, *inner.parents]) if part != Path())):
        _make(step)
        found = step.stat()
        if found.st_mode & _OTHERS and not found.st_mode & stat.S_ISVTX and found.st_uid == os.geteuid():
            step.chmod(_MODE)


def write_whole(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file completely or not at all, durably; by default it is readable by its owner only. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _make(folder: Path, *, parents: bool = False) -> None:
    try:
        folder.mkdir(mode=_MODE, parents=parents, exist_ok=True)
    except FileExistsError:
        # The path exists, but is not a folder.
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
