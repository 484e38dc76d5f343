"""Durable files: files and folders of the log, writable only by their owner, and synced."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from actions.audit.errors import AuditError
from actions.audit.folder import HEAD
from actions.audit.who import login

PATIENCE = 15.0
"""Seconds to wait for another console that holds the lock and writes nothing: each holds it for some milliseconds, and
while the log grows there are simply many of them.
"""
_PAUSE = 0.02
_SEARCH = getattr(os, "O_PATH", os.O_RDONLY)
"""Flags that open a folder for access to its contents only; its names need not be readable."""
_WRITABLE_BY_OTHERS = 0o022
_OF_A_GROUP = stat.S_ISGID | stat.S_IRGRP | stat.S_IXGRP
"""Mode of a folder whose group reads what is put into it: an administrator has to set it (``chmod 3770``)."""


def make_folder(folder: Path) -> None:
    """Create the folder durably if it does not exist; an existing one must belong to this user.

    It is 0700, or 2750 where its parent is set-group-ID and readable by its group.

    The parent folder may be world-writable and unreadable (``chmod 1733``): another user may have put a folder of
    theirs, or a link, in this place.

    Raises OSError, and AuditError if it does not belong to us alone.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    around = os.open(folder.parent, _SEARCH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _only_we_rename(folder.parent, os.fstat(around))
        new = _make_folder(folder.name, around)
        found = _stat_of(folder, around)
    finally:
        os.close(around)
    _only_ours(folder, found)
    if new:
        sync_folder(folder.parent)


def _make_folder(name: str, around: int) -> bool:
    try:
        os.mkdir(name, 0o700, dir_fd=around)
    except FileExistsError:
        return False
    if _is_read_by_group(os.fstat(around)):
        # Regardless of the umask. For a non-member the system drops the set-group-ID bit: files stay private.
        os.chmod(name, 0o2750, dir_fd=around)  # noqa: S103 - the group is the parent's, whose administrator wants it
    return True


def _is_read_by_group(folder: os.stat_result) -> bool:
    return folder.st_mode & _OF_A_GROUP == _OF_A_GROUP


def _file_mode(folder: Path) -> int:
    return 0o640 if _is_read_by_group(folder.stat()) else 0o600


def _stat_of(folder: Path, around: int) -> os.stat_result:
    """Return the status of the folder itself: a link may be in its place."""
    try:
        descriptor = os.open(folder.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=around)
    except OSError as error:
        # Its type says more than the error: a folder that cannot be entered is another user's.
        found = os.stat(folder.name, dir_fd=around, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            raise AuditError(
                f"{folder} is a symbolic link, which is not followed: another user may have created it. "
                f"{_move_advice(folder)}"
            ) from None
        if not stat.S_ISDIR(found.st_mode):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder)) from None
        _only_ours(folder, found)
        raise OSError(error.errno, error.strerror, str(folder)) from None
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _only_we_rename(parent: Path, found: os.stat_result) -> None:
    """Refuse a folder that others may write and that is not sticky: they could replace ours."""
    if found.st_mode & _WRITABLE_BY_OTHERS and not found.st_mode & stat.S_ISVTX:
        raise AuditError(f"others may rename what is in {parent}, so a log there proves nothing: chmod +t {parent}")


def _only_ours(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        owner = login(found.st_uid)
        raise AuditError(
            f"{path} belongs to {owner}, not to {login(os.geteuid())}: {owner} could change a log in it. "
            f"{_move_advice(path)}"
        )
    if found.st_mode & _WRITABLE_BY_OTHERS:
        raise AuditError(f"others may write {path}, so it proves nothing: chmod go-w {path}")


def _move_advice(path: Path) -> str:
    return f"Have {path} moved away (by its owner or root), or name another folder (audit_dir)"


def append(file: Path, data: bytes) -> None:
    """Append bytes to a file (0600, or 0640 where the folder's group reads it); return when they are on the disk.

    All or nothing: a failed write is undone. Raises OSError; AuditError if it could not be undone.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        before = os.fstat(descriptor)
        _only_ours(file, before)
        if not before.st_size:
            os.fchmod(descriptor, _file_mode(file.parent))
        try:
            _write_all(descriptor, data)
            sync(descriptor)
            if not before.st_size:
                sync_folder(file.parent)
        except OSError as error:
            _take_back(file, descriptor, before.st_size, error)
            raise
    finally:
        # It is on disk by then, or was rolled back: an error of close changes neither.
        with suppress(OSError):
            os.close(descriptor)


def _take_back(file: Path, descriptor: int, size: int, error: OSError) -> None:
    try:
        os.ftruncate(descriptor, size)
    except OSError:
        why = error.strerror or error
        raise AuditError(
            f"{file}: {why}; the last record may still be in it, although nothing that it says was done"
        ) from error
    # Whether it survives a power failure is not known.
    with suppress(OSError):
        sync(descriptor)


def replace_file(file: Path, data: bytes) -> None:
    """Replace the content of a file, all or nothing. Raises OSError."""
    fresh = file.with_name(file.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, _file_mode(file.parent))
        _write_all(descriptor, data)
        sync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(file)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def sync(descriptor: int) -> None:
    """Wait until a file is on the disk itself: on macOS, fsync ends when it is in the disk's cache."""
    full: int | None = getattr(fcntl, "F_FULLFSYNC", None)
    if full is None:
        os.fsync(descriptor)
    else:
        fcntl.fcntl(descriptor, full)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, even if they may not be read."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        # Once in the life of a log: flush everything that the system has not written yet.
        os.sync()
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(lock: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of a log, against other threads and other processes; the system frees it when a process dies.

    Raises OSError, and AuditError if another one holds it for ``patience`` seconds.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _wait(descriptor, fcntl.LOCK_EX, patience, lock)
        yield
    finally:
        with suppress(OSError):
            os.close(descriptor)


@contextmanager
def holding_writers(lock: Path, patience: float = 1.0) -> Iterator[bool]:
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
    give_up, grown = time.monotonic() + patience, _growth_mark(lock)
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if (now := _growth_mark(lock)) != grown:
                give_up, grown = time.monotonic() + patience, now
            if time.monotonic() >= give_up:
                held = f"another process has held {lock} for {patience:.0f} s"
                raise AuditError(f"{held}: find it with fuser {lock}, end it, try again") from None
            # flock can block, but not with a timeout: only a signal would end it, and signals belong to the main
            # thread. All callers are commands or on a thread of their own (asyncio.to_thread), never the event
            # loop. Not all of those that wait at the same moment.
            time.sleep(random.uniform(0.1, 1.0) * _PAUSE)  # noqa: S311 - not used for security
        else:
            return


def _growth_mark(lock: Path) -> tuple[int, int]:
    """Return a mark that changes with every record written to the log of this lock."""
    try:
        found = lock.with_name(HEAD).stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns
