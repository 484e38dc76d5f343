"""Reading a log without touching it: the bytes that it had at one moment, line by line. Safe in read-only mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from actions.audit.disk import holding_writers
from actions.audit.folder import HEAD, LOCK, log_files
from actions.audit.line import Record, legible
from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class LogSnapshot:
    """A log at one moment: its files in order, each with its size then. Later additions are not part of it."""

    sizes: Mapping[Path, int]
    head: bytes | None = None
    """Content of the head file; None where there is none."""
    folder: Path | None = None
    """None for individually named files, about which nothing else is known."""


@dataclass(frozen=True, slots=True)
class LogFileLine:
    """One line of a file, numbered from 1; ``data`` is without the line break, ``ended`` False where it lacks one."""

    file: Path
    number: int
    data: bytes
    ended: bool


def read_log(folder: Path) -> LogSnapshot:
    """The log in a folder as it is now; an empty one if there is none. Raises OSError.

    It waits a moment for a running writer; without permission for that, the last line may be incomplete.
    """
    with holding_writers(folder / LOCK):
        # The head first: without the lock it may then be behind the log, and never ahead of it.
        try:
            head = (folder / HEAD).read_bytes()
        except FileNotFoundError:
            head = None
        sizes = {file: file.stat().st_size for file in log_files(folder)}
    return LogSnapshot(sizes, head, folder)


def read_log_file(file: Path) -> LogSnapshot:
    """Return the snapshot of a single file of a log, for example a copy. Raises OSError."""
    return LogSnapshot({file: file.stat().st_size})


def lines(look: LogSnapshot) -> Iterator[LogFileLine]:
    """Every line, in order. Raises OSError."""
    for file, size in look.sizes.items():
        left = size
        with file.open("rb") as stream:
            for number, raw in enumerate(stream, 1):
                if left <= 0:
                    break
                data, left = raw[:left], left - len(raw)
                yield LogFileLine(file, number, data.removesuffix(b"\n"), data.endswith(b"\n"))


def records(look: LogSnapshot) -> Iterator[Record]:
    """Yield everything that can be read as a record, whether or not the chain holds: ``chain.verify`` checks that."""
    for line in lines(look):
        record = legible(line.data)
        if record is not None:
            yield record
