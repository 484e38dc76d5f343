"""The writer of the audit log."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actions.audit import disk
from actions.audit.anchor import anchor_of
from actions.audit.errors import AuditError
from actions.audit.folder import HEAD, LOCK, file_name, log_files, number_of
from actions.audit.head import Head, parse_head
from actions.audit.line import SCHEMA, digest, parse, seal
from actions.audit.process import this_process
from actions.audit.redaction import redacted
from actions.audit.tail import LogTail, find_tail
from actions.audit.who import Who

LIMIT = 16 * 1024 * 1024
"""Size in bytes from which a new file is begun."""
_PROBE = "probe"
_SPARE = 1024 * 1024
"""Bytes that must be free on the disk: an action writes some ten records."""


class AuditLog:
    """Appends records to the log in ``folder``, as ``who``. Thread-safe; each call blocks.

    Several processes may write the same log: each call takes the lock, waiting ``patience`` seconds for it at most, and
    continues from the state found then.
    """

    def __init__(
        self,
        folder: Path,
        who: Who,
        *,
        clock: Callable[[], float] = time.time,
        limit_bytes: int = LIMIT,
        patience: float = disk.PATIENCE,
    ) -> None:
        self.folder = folder
        self._who = who
        self._clock = clock
        self._limit = limit_bytes
        self._patience = patience

    def append(self, event: str, action: str, content: Mapping[str, Any]) -> str:
        """Write one record; return when it is on the disk. Secrets in ``content`` are redacted.

        Returns the anchor of the log in its new state (actions.audit.anchor).

        Raises AuditError, and then the log does not have the record (or the error says that it may).
        """
        with self._open():
            tail = self._mark_damage(find_tail(log_files(self.folder)))
            after = self._add(tail, event, action, content)
        return anchor_of(Head(after.seq, after.digest))

    def check(self) -> None:
        """Find out whether a record could be written now, without writing one. Raises AuditError."""
        with self._open():
            tail = find_tail(log_files(self.folder))
            if tail.file is not None:
                disk.append(tail.file, b"")
            # A failure here would otherwise happen in the middle of an action.
            disk.replace_file(self.folder / _PROBE, b"can it be written?\n")
            (self.folder / _PROBE).unlink()
            room = os.statvfs(self.folder)
            if room.f_bavail * room.f_frsize < _SPARE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextmanager
    def _open(self) -> Iterator[None]:
        try:
            disk.make_folder(self.folder)
            with disk.writing(self.folder / LOCK, self._patience):
                yield
        except OSError as error:
            raise AuditError(_explained(error, self.folder)) from error

    def _head(self) -> bytes | None:
        try:
            return (self.folder / HEAD).read_bytes()
        except FileNotFoundError:
            return None

    def _mark_damage(self, tail: LogTail) -> LogTail:
        """Return the tail after all damage to it has been marked in the log. Nothing is ever removed."""
        if tail.file is not None and tail.rest:
            record = parse(tail.rest)
            if record is not None and record.seq == tail.seq + 1 and record.prev == tail.digest:
                # Only the line break is missing.
                disk.append(tail.file, b"\n")
                tail = replace(tail, size=tail.size + 1, seq=record.seq, digest=record.digest, rest=b"")
        head = self._head()
        if head is None and tail.seq == 0 and not tail.rest:
            disk.replace_file(self.folder / HEAD, Head().to_bytes())
            return tail
        known = parse_head(head) if head is not None else None
        gone = known is None or known.seq > tail.seq or (known.seq == tail.seq and known.digest != tail.digest)
        # A write that was cut off has no line break at its end; what has one was whole once.
        gone = gone or tail.rest.endswith(b"\n")
        if not gone and not tail.rest:
            return tail
        found = {"bytes": len(tail.rest), "sha256": digest(tail.rest)}
        if not gone:
            return self._add(tail, "torn", "", found)
        expected = {"head_seq": known.seq if known else None, "head_digest": known.digest if known else None}
        return self._add(tail, "damaged", "", found | expected)

    def _add(self, tail: LogTail, event: str, action: str, content: Mapping[str, Any]) -> LogTail:
        now = self._clock()
        document = {
            "schema": SCHEMA,
            "seq": tail.seq + 1,
            "event": event,
            "action": action,
            "at": now,
            "time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "who": redacted(asdict(self._who)),
            "process": this_process(),
            "content": redacted(content),
            "prev": tail.digest,
        }
        line = seal(document)
        file, size, data = tail.file, tail.size, line + b"\n"
        if file is None or (size and not tail.rest and size + len(data) > self._limit):
            number = 1 if file is None else (number_of(file) or 0) + 1
            file, size = self.folder / file_name(number), 0
        # Torn bytes stay where they are, as a separate line.
        data = b"\n" + data if tail.rest and not tail.rest.endswith(b"\n") else data
        disk.append(file, data)
        after = LogTail(file, size + len(data), tail.seq + 1, digest(line))
        # The record is on disk, so it is in the log even if the head fails; the next record updates the head. Before
        # another action sends anything, ``check`` finds out that the head cannot be written.
        with suppress(OSError):
            disk.replace_file(self.folder / HEAD, Head(after.seq, after.digest).to_bytes())
        return after


def _explained(error: OSError, folder: Path) -> str:
    """Return the problem and the remedy."""
    remedy = {
        errno.ENOSPC: "the disk is full: make room",
        errno.EDQUOT: "the quota is used up: make room",
        errno.EFBIG: "the limit on the size of files is reached: raise it (ulimit -f)",
        errno.EROFS: "it is on a file system that is mounted read-only: name another folder (audit_dir)",
        errno.EACCES: f"permission denied: chown or chmod it so that {_us()} may write it, or name another (audit_dir)",
        errno.EPERM: f"not permitted: see lsattr, or name another folder (audit_dir) that {_us()} may write",
        errno.ELOOP: "it is a symbolic link, which is not followed: put the file itself there",
        errno.ENOTDIR: "a part of the path is a file: move it away, or name another folder (audit_dir)",
        errno.EEXIST: "a file is in the place of the folder: move it away, or name another folder (audit_dir)",
    }
    number = error.errno or 0
    where = error.filename or folder
    return f"{where}: {remedy.get(number) or error.strerror or error}"


def _us() -> str:
    return f"user {os.getuid()}"
