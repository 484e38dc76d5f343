"""The three standard streams: there whatever started us, and no progress that nobody reads ends what it tells of.

Imports the standard library's lightest alone: every command line passes here.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STANDARD: Final = (0, 1, 2)


class OutputError(OSError):
    """stdout cannot be written: its reader is gone (EPIPE), or the disk is full."""


class _Data(io.BufferedWriter):
    def write(self, data: ReadableBuffer, /) -> int:
        with _as_output_error():
            return super().write(data)

    def flush(self) -> None:
        with _as_output_error():
            super().flush()


class _Talk(io.BufferedWriter):
    """A terminal that is gone, a pipe that nobody reads: what is told of goes on, the rest goes nowhere."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            _to_nowhere(2)
            return memoryview(data).nbytes

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            _to_nowhere(2)


def prepare() -> None:
    """Open what is closed, and tell a stdout that fails from everything else that may. Replaces nothing of a test's."""
    for descriptor in _STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            # Else the next file that is opened is the one that talk goes to: the audit log, say.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - a descriptor, for as long as we live
    if sys.stdout is None or type(sys.stdout) is io.TextIOWrapper:
        # A name that the locale cannot show is no reason to fail.
        sys.stdout = _text(_Data(_raw(1)), sys.stdout, "replace")
    if sys.stderr is None or type(sys.stderr) is io.TextIOWrapper:
        sys.stderr = _text(_Talk(_raw(2)), sys.stderr, "backslashreplace")
        sys.stderr.reconfigure(line_buffering=True)


def _raw(descriptor: int) -> io.FileIO:
    return io.FileIO(descriptor, "w", closefd=False)


def _text(into: io.BufferedWriter, like: io.TextIOWrapper | None, errors: str) -> io.TextIOWrapper:
    encoding = like.encoding if like is not None else "utf-8"
    lines = like is not None and like.line_buffering
    return io.TextIOWrapper(into, encoding=encoding, errors=errors, line_buffering=lines)


@contextmanager
def _as_output_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(error.errno, error.strerror) from error


def _to_nowhere(descriptor: int) -> None:
    """Python would complain once more when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def told(tell: Callable[[], object]) -> bool:
    """Tell on stdout; False where that could not be written, which is said.

    A reader that has seen enough (head, less) is all right: what is told goes nowhere from then on.
    """
    try:
        tell()
        sys.stdout.flush()
    except OutputError as error:
        _to_nowhere(1)
        if error.errno == errno.EPIPE:
            return True
        print(f"quarterdeck: stdout cannot be written: {error.strerror}", file=sys.stderr)
        return False
    return True
