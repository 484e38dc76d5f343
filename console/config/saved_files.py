"""Texts that a user saves: private files in the state folder, named by what they hold and when that was so (UTC)."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST: Final = 120
"""Characters of a name that every file system has room for, with the time and a number behind it."""


def save_text(state: Path, name: str, ending: str, text: str, at: float) -> Path:
    """Write a text to a new file that only its user may read, and return its path. Raises OSError.

    ``at`` is the Unix time that its name has; a second text of the same second gets a number.
    """
    folder = state / "saved"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = f"{safe_name(name)}-{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"
    number = 1
    while True:
        path = folder / f"{stem}{f'-{number}' if number > 1 else ''}.{ending}"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            number += 1
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        return path


def safe_name(name: str) -> str:
    """Return a name without characters that a shell or a file system would take for something else."""
    return _UNSAFE.sub("-", name).strip("-.")[:_LONGEST] or "unnamed"


def shown_path(path: Path) -> str:
    """Return a path as shells write it, with ``~`` for the home folder, so that a line has room for it."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def not_saved(error: OSError) -> str:
    """Return in words why a file could not be written."""
    where = f" ({error.filename})" if error.filename else ""
    return f"not saved: {error.strerror or error}{where}"
