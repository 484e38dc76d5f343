"""Reads files that the user names: regular files of bounded size, so that none can hang the program or fill its memory.

A FIFO may wait forever for a writer, and /dev/zero never ends: neither may stand in for settings, credentials or
certificates.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

SECRET_LIMIT: Final = 1 << 20
"""Bytes of a token, a password or a bundle of certificates: the bundles of whole operating systems have 250 kB."""
SETTINGS_LIMIT: Final = 8 << 20
"""Bytes of a configuration or a kubeconfig: one with a thousand clusters and their certificates has 5 MB."""

_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_bytes(path: str | Path, limit: int) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes; links are followed, and /dev/null is empty.

    Raises OSError, whose ``strerror`` says what is wrong, for anything else.
    """
    # Non-blocking: opening a FIFO without a writer would block before it could be examined.
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check(os.fstat(opened), limit)
        with os.fdopen(opened, "rb", closefd=False) as file:
            content = file.read(limit + 1)
    finally:
        os.close(opened)
    # A file written to while it is read has grown beyond the size that was checked.
    if len(content) > limit:
        raise _too_large(limit)
    return content


def read_text(path: str | Path, limit: int, encoding: str = "utf-8") -> str:
    """Read a file as ``read_bytes`` does, decoded. Raises UnicodeDecodeError, too."""
    return read_bytes(path, limit).decode(encoding)


def check_file(path: str | Path, limit: int) -> None:
    """Check that a path can be handed to a library to read. Raises OSError as ``read_bytes`` does."""
    _check(Path(path).stat(), limit)
    if not os.access(path, os.R_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def is_there(path: Path) -> bool:
    """True if something has this path; False also for a path that nothing can have, for which pathlib raises."""
    try:
        return path.exists()
    except OSError:
        return False


def _check(status: os.stat_result, limit: int) -> None:
    if os.path.samestat(status, Path(os.devnull).stat()):
        return
    if not stat.S_ISREG(status.st_mode):
        kind = next((words for is_kind, words in _KINDS if is_kind(status.st_mode)), "not one")
        raise OSError(errno.EINVAL, f"it is {kind}, and a regular file is needed")
    if status.st_size > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {limit >> 20} MiB, which is too large for such a file")
