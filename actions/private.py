"""Folders that are their owner's alone: what this program keeps of what runs and what was done is nobody else's."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

_MODE: Final = 0o700
_OTHERS: Final = 0o077


def make_private(folder: Path, top: Path) -> None:
    """Make ``folder`` and what is missing above it, 0700 from ``top`` down; what is there already is made so.

    One of another user stays as it is (whoever writes there says what is wrong with it), and so does one that was made
    to be everybody's (``chmod +t``). Raises OSError.
    """
    _make(top.parent, parents=True)
    inner = folder.relative_to(top)
    for step in (top, *(top / part for part in reversed([inner, *inner.parents]) if part != Path())):
        _make(step)
        found = step.stat()
        if found.st_mode & _OTHERS and not found.st_mode & stat.S_ISVTX and found.st_uid == os.geteuid():
            step.chmod(_MODE)


def _make(folder: Path, *, parents: bool = False) -> None:
    try:
        folder.mkdir(mode=_MODE, parents=parents, exist_ok=True)
    except FileExistsError:
        # Something is there that is no folder.
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
