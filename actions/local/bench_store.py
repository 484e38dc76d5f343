"""Storage of benchmarks, for comparison with later ones."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

from actions.private_files import make_private, write_whole
from fleet.local.benches import BENCHES, Bench, to_json
from fleet.local.errors import LocalError

KEPT: Final = 500
"""Sweeps that are kept; the oldest go."""


def keep_bench(folder: Path, bench: Bench) -> None:
    """Write it down in ``servers_folder``; it is on the disk when this returns. Raises LocalError."""
    line = orjson.dumps(to_json(bench)) + b"\n"
    file = folder / BENCHES
    try:
        make_private(folder, folder)
        with _locked(folder):
            before = file.read_bytes() if file.exists() else b""
            if before.count(b"\n") < KEPT:
                # A line truncated by a crash must not corrupt the next one.
                _append(file, line if before.endswith(b"\n") or not before else b"\n" + line)
            else:
                write_whole(file, b"\n".join(before.splitlines()[-KEPT + 1 :]) + b"\n" + line)
    except OSError as error:
        raise LocalError(
            f"{file} cannot be written: {error.strerror or error}", "The results were not saved."
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock out other consoles. The folder is locked because its files are replaced."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _append(file: Path, content: bytes) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
