"""A frame of the screen reaches the thread that writes in one piece."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual.app import App
from textual.drivers._writer_thread import WriterThread

from console.cli.terminal_driver import TerminalDriver


class Pieces:
    """A writing thread that only notes what it is given."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, text: str) -> None:
        self.written.append(text)


@pytest.fixture
def pieces() -> Pieces:
    return Pieces()


@pytest.fixture
async def driver(pieces: Pieces) -> AsyncIterator[TerminalDriver]:
    found = TerminalDriver(App[None](), mouse=False)
    found._writer_thread = cast("WriterThread", pieces)
    yield found
    found._writer_thread = None
    found.close()


async def test_a_frame_is_one_piece_and_what_is_no_frame_is_written_at_once(
    driver: TerminalDriver, pieces: Pieces
) -> None:
    driver.write("bell")
    for piece in (SYNC_START, "one", " frame", SYNC_END, "\x1b[?25h"):
        driver.write(piece)
    assert pieces.written == ["bell", f"{SYNC_START}one frame{SYNC_END}", "\x1b[?25h"]


async def test_a_frame_without_content_does_not_hold_up_the_next(driver: TerminalDriver, pieces: Pieces) -> None:
    for piece in (SYNC_START, SYNC_END, SYNC_START, "next", SYNC_END):
        driver.write(piece)
    assert pieces.written == [SYNC_START + SYNC_END, f"{SYNC_START}next{SYNC_END}"]
