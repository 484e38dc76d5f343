"""What a person sees when the program itself is wrong: two lines, and a file with the details."""

from __future__ import annotations

import os
import platform
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from console import __version__
from console.cli import exits
from console.cli.streams import harmless
from console.config.paths import state_folder


def report(error: BaseException, arguments: Sequence[str]) -> int:
    """Say it on stderr and keep the traceback in a file (mode 0600); the traceback itself only in debug mode."""
    if os.environ.get("QUARTERDECK_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    print(f"quarterdeck: unexpected {_brief(error)}", file=sys.stderr)
    try:
        file = _write(error, arguments)
    except OSError as problem:
        print(f"  No report written ({problem.strerror}); QUARTERDECK_DEBUG=1 shows the details here.", file=sys.stderr)
    else:
        print(f"  Details: {file}. Please report it with that file.", file=sys.stderr)
    return exits.PROBLEM


def keep(error: BaseException, arguments: Sequence[str]) -> str:
    """Keep the details without ending the program: where they are, or empty where they could not be written."""
    try:
        return str(_write(error, arguments))
    except OSError:
        return ""


def _brief(error: BaseException) -> str:
    """The kind, the first line of the message without control characters, and where it happened."""
    message = next(iter(str(error).splitlines()), "")
    message = "".join(c for c in message if c.isprintable())[:200]
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{': ' if message else ''}{message}{place}"


def _write(error: BaseException, arguments: Sequence[str]) -> Path:
    folder = state_folder(os.environ)
    now = datetime.now(UTC)
    file = folder / f"crash-{now:%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    # Only now: a program that works does not need it.
    from actions.audit.redaction import redacted_arguments, redacted_text
    from actions.private import make_private

    make_private(folder, folder)
    text = (
        f"quarterdeck {__version__}, Python {platform.python_version()}, {_system()}, {now:%F %T} UTC\n"
        f"arguments: {' '.join(redacted_arguments(arguments))}\n\n"
        + redacted_text("".join(traceback.format_exception(error)))
    )
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        # It is looked at in a terminal.
        out.write(harmless(text))
    return file


def _system() -> str:
    """The machine, as the kernel says it. ``platform.platform()`` starts ``uname -p`` for the processor's name."""
    system = os.uname()
    return f"{system.sysname} {system.release} {system.machine}"
