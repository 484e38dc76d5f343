"""The end of a log: the last complete record, and the remains of a truncated write after it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from actions.audit.line import GENESIS, parse
from fleet.dataclass import dataclass

_WINDOW = 1 << 16
"""Bytes that are read first from the end; twice as many each time while there is no whole record in them."""


@dataclass(frozen=True, slots=True)
class LogTail:
    """``file`` is the last file of the log, None where there is none; ``size`` its bytes."""

    file: Path | None = None
    size: int = 0
    seq: int = 0
    digest: str = GENESIS
    """Digest of the last whole record, or the beginning of the chain."""
    rest: bytes = b""
    """Bytes of ``file`` behind the last whole record."""


def find_tail(files: Sequence[Path]) -> LogTail:
    """Find the end of the log. Raises OSError."""
    if not files:
        return LogTail()
    file = files[-1]
    size = file.stat().st_size
    seq, digest, rest = _end(file, size)
    for earlier in reversed(files[:-1]):
        if seq:
            break
        # A new file whose first record was never finished.
        seq, digest, _ = _end(earlier, earlier.stat().st_size)
    return LogTail(file, size, seq, digest, rest)


def _end(file: Path, size: int) -> tuple[int, str, bytes]:
    """Number and digest of the last whole record of a file (0 and GENESIS for none), and the bytes behind it."""
    window = _WINDOW
    with file.open("rb") as stream:
        while True:
            start = max(0, size - window)
            stream.seek(start, os.SEEK_SET)
            data = stream.read(size - start)
            # Only the end of the first line may be in the window.
            begin = 0 if start == 0 else data.find(b"\n") + 1
            end = len(data)
            while (stop := data.rfind(b"\n", begin, end)) >= 0:
                first = data.rfind(b"\n", begin, stop) + 1 or begin
                record = parse(data[first:stop])
                if record is not None:
                    return record.seq, record.digest, data[stop + 1 :]
                end = stop
            if start == 0:
                return 0, GENESIS, data
            window *= 2
