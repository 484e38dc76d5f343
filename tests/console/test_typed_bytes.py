"""Typed bytes arrive in pieces: half a character, or bytes that are no text, do not end the input."""

from __future__ import annotations

import os
import selectors
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.message import Message

from console.cli.terminal_driver import TerminalDriver, _Ending


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

    def __init__(self, person: Person, readable: int, pieces: tuple[bytes, ...], *, named: bool = False) -> None:
        super().__init__(person)
        self.fileno = readable
        self.pieces = list(pieces)
        self.named = named
        self.keys: list[str] = []
        self.pasted: list[str] = []

    def _typed(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def process_message(self, message: Message) -> None:
        if isinstance(message, events.Key):
            self.keys.append(message.key if self.named else message.character or message.key)
        if isinstance(message, events.Paste):
            self.pasted.append(message.text)


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
        ((b"\x1b", b"[A", b"\x1b[", b"B", b"\x1bOP"), ["up", "down", "f1"]),
        ((b"n\x1b",), ["n", "\x1b"]),
    ],
)  # fmt: skip
async def test_each_key_arrives_and_nothing_ends_but_with_the_end(pieces: tuple[bytes, ...], keys: list[str]) -> None:
    person = Person()
    with always_readable() as readable:
        driver = Pieces(person, readable, pieces)
        driver._run_input_thread()
        driver.close()
    assert person.told == [("hang_up",)]
    assert driver.keys == keys


@pytest.mark.parametrize(
    ("pieces", "keys"),
    [
        ((b"\x1bf",), ["alt+f"]),
        ((b"\x1b", b"f"), ["alt+f"]),
        ((b"j\x1b:ns\r",), ["j", "alt+colon", "n", "s", "enter"]),
        ((b"\x1b\x1b", b"5"), ["escape", "alt+5"]),
        ((b"\x1b\r",), ["alt+enter"]),
    ],
)
async def test_an_escape_is_not_lost_in_what_is_typed_right_behind_it(
    pieces: tuple[bytes, ...], keys: list[str]
) -> None:
    with always_readable() as readable:
        driver = Pieces(Person(), readable, pieces, named=True)
        driver._run_input_thread()
        driver.close()
    assert driver.keys == keys


PASTE, PASTED = b"\x1b[200~", b"\x1b[201~"


@pytest.mark.parametrize(
    "pieces",
    [
        (b"j" + PASTE + b"chat\x1bs9\r\x1b[B\x1b:q\r" + PASTED + b"k",),
        (b"j\x1b", b"[200", b"~chat\x1b", b"s9\r\x1b[B\x1b", b":q\r\x1b[2", b"01~k"),
        (b"j" + PASTE + b"chat\x1bs9\r\x1b[B\x1b", b":q\r\x1b", b"[201~k"),
    ],
)
async def test_a_paste_is_text_whatever_is_in_it(pieces: tuple[bytes, ...]) -> None:
    with always_readable() as readable:
        driver = Pieces(Person(), readable, pieces, named=True)
        driver._run_input_thread()
        driver.close()
    assert driver.keys == ["j", "k"], "an escape in it makes no key of what is behind"
    assert driver.pasted == ["chat\x1bs9\r\x1b[B\x1b:q\r"]


async def test_who_types_nothing_costs_nothing_and_is_ended_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float | None] = []
    waiting = threading.Event()
    select = selectors.SelectSelector.select

    def watched(self: selectors.SelectSelector, timeout: float | None = None) -> Any:
        waits.append(timeout)
        if timeout is None:
            waiting.set()
        return select(self, timeout)

    monkeypatch.setattr(selectors.SelectSelector, "select", watched)
    readable, writable = os.pipe()
    with always_readable():
        driver = Pieces(Person(), readable, (b"n", b"\x1b"))
        monkeypatch.setattr(driver, "_typed", partial(typed, driver, readable))
        reading = threading.Thread(target=driver._run_input_thread, daemon=True)
        reading.start()
        assert waiting.wait(10)
        assert waits == [None]
        # A lone escape is the key: wait until that is certain, and no longer.
        for _ in range(2):
            waiting.clear()
            os.write(writable, b".")
            assert waiting.wait(10)
        assert driver.keys == ["n", "\x1b"]
        waiting.clear()
        driver.exit_event.set()
        reading.join(10)
        assert not reading.is_alive()
        # It can be started again, as after a program that was suspended.
        driver.exit_event.clear()
        again = threading.Thread(target=driver._run_input_thread, daemon=True)
        again.start()
        assert waiting.wait(10)
        driver.exit_event.set()
        again.join(10)
        assert not again.is_alive()
    driver.close()
    driver.exit_event.set()
    os.close(readable)
    os.close(writable)


def typed(driver: Pieces, readable: int) -> bytes:
    """The next piece, for one byte of the file."""
    os.read(readable, 1)
    return driver.pieces.pop(0)


def test_who_is_woken_twice_for_one_word_waits_for_no_second() -> None:
    ending = _Ending()
    ending.set()
    for _ in range(2):
        ending.heard()
    ending.close()
