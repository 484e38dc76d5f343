"""The record of a defect: a file with its details, to be attached to a bug report."""

from __future__ import annotations

import os
import platform
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from console import __version__
from console.config.paths import state_folder
from console.report.harmless import harmless


def keep(error: BaseException, arguments: Sequence[str]) -> str:
    """Keep the details without ending the program: where they are, or empty where they could not be written."""
    try:
        return str(write(error, arguments))
    except OSError:
        return ""


def write(error: BaseException, arguments: Sequence[str]) -> Path:
    """The file (mode 0600) in the state folder, with the traceback. Raises OSError."""
    folder = state_folder(os.environ)
    now = datetime.now(UTC)
    file = folder / f"crash-{now:%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    # Imported only here: a working program does not need it.
    from actions.audit.redaction import redacted_arguments, redacted_text
    from actions.private_files import make_private

    make_private(folder, folder)
    text = (
        f"quarterdeck {__version__}, Python {platform.python_version()}, {_system()}, {now:%F %T} UTC\n"
        f"arguments: {' '.join(redacted_arguments(arguments))}\n\n"
        + redacted_text("".join(traceback.format_exception(error)))
    )
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        # It is read in a terminal.
        out.write(harmless(text))
    return file


def _system() -> str:
    """Return the operating system and machine. ``platform.platform()`` would start ``uname -p`` for the processor's
    name.
    """
    system = os.uname()
    return f"{system.sysname} {system.release} {system.machine}"
