"""What is typed comes in pieces: half a character, or nothing that is text, is not the end of what is typed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.message import Message

from console.cli.terminal_driver import TerminalDriver


class Person(App[None]):
    """An app that only remembers what its terminal says about itself."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def call_later(self, callback: Any, *args: Any, **_: Any) -> bool:
        self.told.append((callback.__name__, *args))
        return True

    def hang_up(self) -> None: ...

    def input_failed(self, error: Exception) -> None: ...


class Pieces(TerminalDriver):
    """Reads these pieces, one at a time, and then the end."""

    def __init__(self, person: Person, readable: int, pieces: tuple[bytes, ...]) -> None:
        super().__init__(person)
        self.fileno = readable
        self.pieces = list(pieces)
        self.keys: list[str] = []

    def _typed(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def process_message(self, message: Message) -> None:
        if isinstance(message, events.Key):
            self.keys.append(message.character or message.key)


@contextmanager
def always_readable() -> Iterator[int]:
    """A file that select finds something in; the two signals that a driver takes are given back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)}
    readable, writable = os.pipe()
    os.write(writable, b".")
    try:
        yield readable
    finally:
        os.close(readable)
        os.close(writable)
        for number, handler in handlers.items():
            signal.signal(number, handler)


@pytest.mark.parametrize(
    ("pieces", "keys"),
    [
        ((b"\xff", b"n"), ["n"]),
        ((b"\x80\x80", b"\xfe", b"n", b"\xff", b"a"), ["n", "a"]),
        ((b"\xc3", b"\xa9", b"n"), ["é", "n"]),
        ((b"\xe2", b"\x82", b"\xac"), ["€"]),
        ((b"\xc3", b"(",), ["("]),
        ((b"n", b"\xff\xff"), ["n"]),
    ],
)  # fmt: skip
async def test_each_key_arrives_and_nothing_ends_but_with_the_end(pieces: tuple[bytes, ...], keys: list[str]) -> None:
    person = Person()
    with always_readable() as readable:
        driver = Pieces(person, readable, pieces)
        driver._run_input_thread()
    assert person.told == [("hang_up",)]
    assert driver.keys == keys
