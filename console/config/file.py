"""Reading of a settings file: whether it exists, and its text. Anything but a plain, readable file is an error."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from console.config.problem import ConfigError, Problem

LARGEST: Final = 1 << 20
"""Largest settings file in bytes: 1 MiB, some thousand times the usual size."""


def is_there(path: Path) -> bool:
    """Return whether anything is at this path. Raises ConfigError if that cannot be known, or a link is dangling.

    ``Path.exists`` calls a dangling or circular symbolic link absent: for a policy that would open what its
    administrator has closed. Here a path is only absent if a folder on the way has no entry for it.
    """
    path = path.absolute()
    for place in (*reversed(path.parents), path):
        try:
            os.lstat(place)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _unreadable(path, error, place, f"Make {place.parent} searchable.") from None
        try:
            place.stat()
        except OSError as error:
            raise _unreadable(path, error, place, f"Make what {place} leads to searchable.") from None
    return True


def text_of(path: Path) -> str:
    """Return the text of a regular file. Raises ConfigError; does not wait for a FIFO or an endless device."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigError(Problem(str(path), "is not a plain file", "Put the settings into a plain file."))
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(LARGEST + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unreadable(path, error, path, "Make it readable.") from None
    if len(data) > LARGEST:
        raise ConfigError(Problem(str(path), "is larger than 1 MiB", "It is not a configuration file."))
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(Problem(str(path), f"not UTF-8 at byte {error.start}", "Save it as UTF-8.")) from None


def _unreadable(path: Path, error: OSError, place: Path, permitted: str) -> ConfigError:
    """``place``: where it failed; ``permitted``: the remedy where a permission is missing."""
    if error.errno == errno.ENOENT and place.is_symlink():
        what = f"cannot be read: {place} is a symbolic link to {place.readlink()}, which does not exist"
        return ConfigError(Problem(str(path), what, "Put the file there, or remove the link."))
    if error.errno == errno.ENOENT:
        remedy = "quarterdeck config path prints which file is read."
    elif error.errno == errno.EACCES:
        remedy = permitted
    else:
        remedy = "Put a plain file there."
    where = f" ({place})" if place != path else ""
    return ConfigError(Problem(str(path), f"cannot be read: {error.strerror}{where}", remedy))
