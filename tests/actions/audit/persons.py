"""Doing something as another user of this machine, in a process of its own."""

from __future__ import annotations

import os
import pwd
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

NOBODY = pwd.getpwnam("nobody")


def as_nobody(do: Callable[[], object]) -> str:
    """Return the result of ``do`` (as text) when run as the user ``nobody``, or the traceback of what it raises."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(NOBODY.pw_gid)
            os.setuid(NOBODY.pw_uid)
            text = str(do())
        except BaseException:  # noqa: BLE001 - the parent tells of it
            text = traceback.format_exc()
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        text = answer.read().decode()
    os.waitpid(child, 0)
    return text


@contextmanager
def shared_folder(mode: int = 0o1733) -> Iterator[Path]:
    """Create a folder that belongs to root and that everybody can reach (the folder of a test is private)."""
    around = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        around.chmod(0o755)
        folder = around / "audit"
        folder.mkdir()
        folder.chmod(mode)
        yield folder
    finally:
        rmtree(around)
