"""The files in the folder of a log.

``audit-000001.jsonl`` and on: the records, in the order of the numbers. ``head.json``: sequence number and digest of
the last record. ``lock``: held while writing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Final

from actions.audit.who import login

HEAD: Final = "head.json"
LOCK: Final = "lock"

_FILE = re.compile(r"audit-(\d{6,})\.jsonl")


def file_name(number: int) -> str:
    """Return the name of the ``number``-th file, from 1."""
    return f"audit-{number:06d}.jsonl"


def number_of(file: Path) -> int | None:
    """Return the number of a log's file; None if the name is not one of a log."""
    match = _FILE.fullmatch(file.name)
    return int(match[1]) if match else None


def log_files(folder: Path) -> list[Path]:
    """The files of a log, in order; none where there is no folder. Raises OSError."""
    if not folder.exists():
        return []
    numbered = {file: number for file in folder.iterdir() if (number := number_of(file)) is not None}
    return sorted(numbered, key=numbered.__getitem__)


def logs_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders of logs in a folder (itself, or one per user below it), and those that may not be read.

    The folder itself if there are none. If its names may not be read (``chmod 1733``), the user's own log.
    """
    closed: list[Path] = []
    try:
        names = sorted(folder.iterdir()) if folder.is_dir() else []
    except PermissionError:
        names = [folder / login(os.getuid())]
        closed.append(folder)
    found = [folder] if not closed and _is_log(folder) else []
    for below in names:
        try:
            if below.is_dir() and _is_log(below):
                found.append(below)
        except PermissionError:
            closed.append(below)
    return found or ([] if closed else [folder]), closed


def _is_log(folder: Path) -> bool:
    return folder.is_dir() and ((folder / HEAD).exists() or bool(log_files(folder)))


def stamp(folder: Path) -> Hashable:
    """Return a mark that changes when a log in the folder is written: then it must be read again. Raises OSError."""
    logs, _ = logs_in(folder)
    files = [file for log in logs for file in (*log_files(log), log / HEAD) if file.exists()]
    return tuple((str(file), (found := file.stat()).st_size, found.st_mtime_ns) for file in files)
