"""Files of what runs and what was done: their owner's alone, and none is ever seen half written."""

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


def write_whole(file: Path, content: bytes) -> None:
    """Whole or not at all, on the disk when this returns, readable by its owner alone. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _make(folder: Path, *, parents: bool = False) -> None:
    try:
        folder.mkdir(mode=_MODE, parents=parents, exist_ok=True)
    except FileExistsError:
        # Something is there that is no folder.
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
