"""The report of a defect to the user: two lines, and a file with the details."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from console.cli import exit_codes
from console.report.crash import write


def report(error: BaseException, arguments: Sequence[str]) -> int:
    """Report it on stderr and write the traceback to a file (mode 0600); print the traceback only in debug mode."""
    if os.environ.get("QUARTERDECK_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    print(f"quarterdeck: unexpected {_brief(error)}", file=sys.stderr)
    try:
        file = write(error, arguments)
    except OSError as problem:
        print(f"  No report written ({problem.strerror}); QUARTERDECK_DEBUG=1 shows the details here.", file=sys.stderr)
    else:
        print(f"  Details: {file}. Please report it with this file.", file=sys.stderr)
    return exit_codes.PROBLEM


def _brief(error: BaseException) -> str:
    """The kind, the first line of the message without control characters, and where it happened."""
    message = next(iter(str(error).splitlines()), "")
    message = "".join(c for c in message if c.isprintable())[:200]
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{': ' if message else ''}{message}{place}"
