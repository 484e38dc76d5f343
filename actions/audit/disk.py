"""Bytes that stay: files and folders of the log, made so that only their owner may write them, and synced."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actions.audit.errors import AuditError

PATIENCE = 4.0
"""Seconds to wait for another console that writes: each holds the lock for some milliseconds."""
_PAUSE = 0.02
_WRITABLE_BY_OTHERS = 0o022


def make_folder(folder: Path) -> None:
    """Make the folder (0700) where there is none, durably. Raises OSError, and AuditError where others may write."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
    _only_ours(folder, folder.stat())


def _only_ours(path: Path, found: os.stat_result) -> None:
    if found.st_mode & _WRITABLE_BY_OTHERS:
        raise AuditError(f"others may write {path}, so it proves nothing: chmod go-w {path}")


def append(file: Path, data: bytes) -> None:
    """Add bytes to the end of a file (0600 where it is new); returns when they are on the disk. Raises OSError."""
    new = not file.exists()
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _only_ours(file, os.fstat(descriptor))
        _write_all(descriptor, data)
        sync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        sync_folder(file.parent)


def replace_file(file: Path, data: bytes) -> None:
    """Put another content in place of a file's, all or nothing. Raises OSError."""
    fresh = file.with_name(file.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _write_all(descriptor, data)
        sync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(file)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def sync(descriptor: int) -> None:
    """Wait until the disk has it. On macOS fsync() leaves it in the drive's cache."""
    full: int | None = getattr(fcntl, "F_FULLFSYNC", None)
    if full is None:
        os.fsync(descriptor)
    else:
        fcntl.fcntl(descriptor, full)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(lock: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of a log, against other threads and other processes; the system frees it when a process dies.

    Raises OSError, and AuditError where another one holds it for ``patience`` seconds.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _wait(descriptor, fcntl.LOCK_EX, patience, lock)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def still(lock: Path, patience: float = 1.0) -> Iterator[bool]:
    """Hold writers up for the moment of a look, without writing anything; False where that cannot be had."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        try:
            _wait(descriptor, fcntl.LOCK_SH, patience, lock)
        except (OSError, AuditError):
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _wait(descriptor: int, kind: int, patience: float, lock: Path) -> None:
    give_up = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                held = f"another process has held {lock} for {patience:.0f} s"
                raise AuditError(f"{held}: see which with fuser {lock}, end it, try again") from None
            time.sleep(_PAUSE)
        else:
            return
