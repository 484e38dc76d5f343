"""The three standard streams: usable however the program was started; unread progress output never ends a command.

All text to the caller's terminal passes here. Whoever writes (this program, argparse, a warning, logging, a traceback),
and whatever outside text it contains, no control character passes; tests/test_one_way_out.py lists what else could
write there. Only the console draws past these streams, through Textual, once it is open.

Imports only light modules of the standard library: every command line passes here.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from console.report.harmless import harmless

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CLEARED: Final = "\r\x1b[K"
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
    """A stream whose failure is ignored: with the terminal gone, or an unread pipe, the rest of the output is
    dropped.
    """

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            _to_nowhere(self.fileno())
            return memoryview(data).nbytes

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            _to_nowhere(self.fileno())


class Terminal(io.TextIOWrapper):
    """Text for a person: lines and tabs of it are kept, everything else that steers a terminal is not."""

    passing = False
    """True if the next text replaces the current line."""

    def write(self, text: str, /) -> int:
        if self.passing and text:
            self.passing = False
            super().write(_CLEARED)
        super().write(harmless(text))
        return len(text)

    def steer(self, sequence: str) -> None:
        """Write a control sequence of our own."""
        super().write(sequence)


def document(json: str) -> None:
    """Print a JSON document on stdout, in UTF-8 whatever the locale.

    Characters that JSON allows but a terminal would obey (DEL, C1, bidirectional overrides) are escaped, which is the
    same document.
    """
    if not json.isascii() or "\x7f" in json:
        json = "\n".join(line if line.isprintable() else _harmless(line) for line in json.split("\n"))
    _bytes(json.encode() + b"\n")


def _harmless(line: str) -> str:
    return "".join(char if char.isprintable() else _escaped(char) for char in line)


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))


def page(text: str) -> None:
    """Print lines of another format (CSV, HTML) on stdout, in UTF-8 whatever the locale."""
    _bytes("\r\n".join(map(harmless, text.split("\r\n"))).encode())


def _bytes(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def canvas(descriptor: int) -> io.TextIOWrapper:
    """Return the stream to draw the console on, past the filter: a terminal that is gone ends nothing here either.

    Textual writes from its own thread, which would end, and waiting for it would never end.
    """
    return io.TextIOWrapper(_Talk(_raw(descriptor)), encoding=sys.stdout.encoding, errors="replace")


def write_over(line: str) -> None:
    """Write a line on stderr, which is a terminal, over the current one; the cursor stays at its end."""
    if isinstance(sys.stderr, Terminal):
        sys.stderr.passing = False
    _steer(_CLEARED)
    print(line, end="", file=sys.stderr, flush=True)


def pass_over(line: str) -> None:
    """Write a line that the next output replaces, for progress. Empty: remove it."""
    write_over(line)
    if isinstance(sys.stderr, Terminal):
        sys.stderr.passing = bool(line)


def _steer(sequence: str) -> None:
    if isinstance(sys.stderr, Terminal):
        sys.stderr.steer(sequence)
    else:
        sys.stderr.write(sequence)


def prepare() -> None:
    """Open closed streams, and make failures of stdout distinguishable. Replaces nothing of a test's."""
    for descriptor in _STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            # Otherwise the next opened file, such as the audit log, would receive the output.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - a descriptor, for as long as we live
    if sys.stdout is None or type(sys.stdout) is io.TextIOWrapper:
        # A name that the locale cannot encode must not cause a failure.
        sys.stdout = _text(_Data(_raw(1)), sys.stdout, "replace")
    if sys.stderr is None or type(sys.stderr) is io.TextIOWrapper:
        sys.stderr = _text(_Talk(_raw(2)), sys.stderr, "backslashreplace")
        sys.stderr.reconfigure(line_buffering=True)


def _raw(descriptor: int) -> io.FileIO:
    return io.FileIO(descriptor, "w", closefd=False)


def _text(into: io.BufferedWriter, like: io.TextIOWrapper | None, errors: str) -> Terminal:
    encoding = like.encoding if like is not None else "utf-8"
    lines = like is not None and like.line_buffering
    return Terminal(into, encoding=encoding, errors=errors, line_buffering=lines)


@contextmanager
def _as_output_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(error.errno, error.strerror) from error


def _to_nowhere(descriptor: int) -> None:
    """Redirect to /dev/null: Python would report the error again when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def write_out(write: Callable[[], object]) -> bool:
    """Print on stdout; False if that failed, which is reported.

    A reader that has seen enough (head, less) is not an error: further output is dropped.
    """
    try:
        write()
        sys.stdout.flush()
    except OutputError as error:
        _to_nowhere(1)
        if error.errno == errno.EPIPE:
            return True
        print(f"quarterdeck: stdout cannot be written: {error.strerror}", file=sys.stderr)
        return False
    return True
