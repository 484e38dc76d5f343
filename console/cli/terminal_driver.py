"""Textual's driver of the terminal, for every way in which a session ends.

Textual's own fails on a byte that is not UTF-8 and spins after the end of stdin, and on a continue without a preceding
suspend (SIGSTOP cannot be handled) it starts a second time: the terminal would keep half of that.
"""

from __future__ import annotations

import os
import selectors
import socket
from codecs import getincrementaldecoder
from contextlib import suppress
from threading import Event
from time import monotonic
from typing import Any, Protocol, cast

from textual import constants
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._parser import ParseError
from textual.drivers.linux_driver import LinuxDriver

from console.cli.typed_input import TypedInput

_READ = 4096
_BEAT = 0.1
"""Seconds between checks whether an escape was the key itself, because nothing followed."""


class Ends(Protocol):
    """The terminal's messages to the app."""

    def hang_up(self) -> None:
        """Handle the loss of the terminal."""
        ...

    def input_failed(self, error: Exception) -> None:
        """Report an unexpected failure."""
        ...


class _Ending(Event):
    """The end of the thread that reads keys: ``selectable`` can be waited for together with a file."""

    def __init__(self) -> None:
        super().__init__()
        self.selectable, self._waking = socket.socketpair()
        self.selectable.setblocking(False)

    def set(self) -> None:
        """End it; the waiter on ``selectable`` wakes up."""
        super().set()
        # If stopped again after everything is closed, there is no thread to wake.
        with suppress(OSError):
            self._waking.send(b"\0")

    def heard(self) -> None:
        """Clear the wake-up, so that it can be waited for again."""
        # Closing waits for the thread that reads this byte: if another reader took it, it must not block.
        with suppress(BlockingIOError):
            self.selectable.recv(_READ)

    def close(self) -> None:
        """Close the sockets."""
        self.selectable.close()
        self._waking.close()


class TerminalDriver(LinuxDriver):
    """Reads keys until the app or the terminal ends; leaves the terminal as it was found, once."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._entered = False
        self._frame: list[str] | None = None
        """The pieces of a frame whose end has not come; None between frames."""
        self.exit_event = self._ending = _Ending()

    @property
    def _ends(self) -> Ends:
        return cast("Ends", self._app)

    def write(self, data: str) -> None:
        """Write. The start, the content and the end of a frame are one piece: each piece would wake the thread that
        writes, and it would have to wait for the interpreter.
        """
        if data == SYNC_START:
            self._frame = []
        if self._frame is not None:
            self._frame.append(data)
            if data != SYNC_END:
                return
            data, self._frame = "".join(self._frame), None
        super().write(data)

    def start_application_mode(self) -> None:
        self._entered = True
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def stop_application_mode(self) -> None:
        """Restore the terminal, once, if application mode was entered."""
        if not self._entered:
            return
        self._entered = False
        self._frame = None
        # Textual leaves these on: reports in pixels, and of movement with a button down.
        self.write("\x1b[?1016l\x1b[?1002l")
        super().stop_application_mode()

    def close(self) -> None:
        super().close()
        self._ending.close()

    def give_back(self) -> None:
        """Leave the terminal where the app did not come to that."""
        if self._entered:
            self.stop_application_mode()
            self.close()

    def _sigcont_application(self, *args: object) -> None:
        if self._entered:
            # It was stopped by SIGSTOP, and other programs have drawn on the terminal since.
            self._app.call_later(self._app.refresh, repaint=True, layout=True)
        else:
            super()._sigcont_application(*args)

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except Exception as error:  # noqa: BLE001 - of a thread: the app reports it like its own
            self._app.call_later(self._ends.input_failed, error)

    def run_input_thread(self) -> None:
        """Read and pass on key input; a byte that is not text is not a key."""
        typed = TypedInput(debug=self._debug)
        decode = getincrementaldecoder("utf-8")("ignore").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self._ending.selectable, selectors.EVENT_READ)
            settled = -1.0
            while not self._ending.is_set():
                # Most of the time nothing is typed: then wait for input without a timeout.
                ready = {key.fileobj for key, _ in selector.select(_BEAT if monotonic() < settled else None)}
                if self._ending.selectable in ready:
                    self._ending.heard()
                if self.fileno in ready:
                    settled = monotonic() + constants.ESCAPE_DELAY + 2 * _BEAT
                    data = self._typed()
                    if not data:
                        self._app.call_later(self._ends.hang_up)
                        break
                    # Nothing yet (half a character), or nothing at all: to feed that means the end of the stream.
                    if text := decode(data):
                        for event in typed.feed(text):
                            self.process_message(event)
                else:
                    for event in typed.settle():
                        self.process_message(event)
        for event in typed.settle():
            self.process_message(event)
        try:
            for _ in typed.feed(""):
                pass
        except (EOFError, ParseError):
            # The parser's signal for the end of the stream.
            return

    def _typed(self) -> bytes:
        """Return the input; empty at its end, or (EIO) if the terminal was closed."""
        try:
            return os.read(self.fileno, _READ)
        except OSError:
            return b""
