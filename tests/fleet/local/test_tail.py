"""A log that grows, is truncated, is rotated, and contains arbitrary bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import cast

import pytest

from fleet.local.tail import CHUNK, KEPT, LONGEST, Tail, follow
from tests.waiting import PATIENCE


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def add(log: Path, content: bytes) -> None:
    with log.open("ab") as file:
        file.write(content)


def everything(tail: Tail) -> list[str]:
    lines: list[str] = []
    while more := tail.read():
        lines += more
    return lines


def test_each_line_is_told_once_and_a_half_one_when_it_is_whole(log: Path) -> None:
    tail = Tail(log)
    add(log, b"one\ntwo\nth")
    assert tail.read() == ["one", "two"]
    assert tail.unfinished == "th"
    assert tail.read() == []
    add(log, b"ree\n")
    assert tail.read() == ["three"]
    assert tail.unfinished == ""


def test_a_log_that_is_not_there_yet_has_no_lines_and_is_read_once_it_is(log: Path) -> None:
    tail = Tail(log)
    assert tail.read() == []
    assert tail.unfinished == ""
    add(log, b"here\n")
    assert tail.read() == ["here"]


def test_a_folder_in_its_place_has_no_lines(log: Path) -> None:
    log.mkdir()
    assert Tail(log).read() == []


def test_of_a_progress_bar_what_it_showed_last(log: Path) -> None:
    tail = Tail(log)
    add(log, b"before\n\rshards: 0/4\rshards: 1/4\rshards: 2/4")
    assert tail.read() == ["before"]
    assert tail.unfinished == "shards: 2/4"
    # The carriage return has arrived, but not what follows it.
    add(log, b"\r")
    assert tail.read() == []
    assert tail.unfinished == "shards: 2/4"
    add(log, b"shards: 4/4\r\nafter\r\n")
    assert tail.read() == ["shards: 4/4", "after"]


def test_colours_are_no_text(log: Path) -> None:
    add(log, b"\x1b[1;36m(EngineCore_DP0 pid=9)\x1b[0;0m INFO\n\x1b[A\x1b[2K100%\n")
    assert Tail(log).read() == ["(EngineCore_DP0 pid=9) INFO", "100%"]


def test_bytes_that_are_not_utf_8_do_not_stop_it(log: Path) -> None:
    add(log, b"caf\xe9 \xff\xfe\x00\n\xe2\x9c\x93 good\n\xe2\x9c")
    tail = Tail(log)
    assert tail.read() == ["caf� ��\x00", "✓ good"]
    assert tail.unfinished == "�"
    # The second byte of a split character.
    add(log, b"\x93\n")
    assert tail.read() == ["✓"]


def test_a_log_that_was_cut_off_is_begun_anew(log: Path) -> None:
    tail = Tail(log)
    add(log, b"old one\nold two\nhalf")
    assert tail.read() == ["old one", "old two"]
    log.write_bytes(b"new\n")
    assert tail.read() == ["new"], "and not in front of it the half line of the old one"


def test_a_log_that_was_put_aside_is_begun_anew_however_long_its_successor_is(log: Path) -> None:
    tail = Tail(log)
    add(log, b"old\nhalf")
    assert tail.read() == ["old"]
    log.rename(log.with_name("log.1"))
    assert tail.read() == []
    add(log, b"a line that is longer than all of the old log\nnew\n")
    assert tail.read() == ["a line that is longer than all of the old log", "new"]


def test_a_line_without_end_is_not_kept_in_memory(log: Path) -> None:
    tail = Tail(log)
    add(log, b"x" * (3 * CHUNK) + b"\nafter\n")
    pieces = everything(tail)
    assert pieces[-1] == "after"
    assert "".join(pieces[:-1]) == "x" * (3 * CHUNK)
    assert max(map(len, pieces)) <= CHUNK + LONGEST
    add(log, b"y" * (LONGEST + 1))
    assert tail.read() == ["y" * (LONGEST + 1)]
    assert tail.unfinished == ""


def test_a_read_is_bounded_and_the_next_one_goes_on(log: Path) -> None:
    add(log, b"a line of 20 bytes.\n" * (CHUNK // 10))
    tail = Tail(log)
    first = tail.read()
    assert len(first) == CHUNK // 20
    assert len(first) + len(everything(tail)) == CHUNK // 10
    assert tail.unfinished == ""


async def test_who_follows_gets_the_end_of_the_log_and_then_what_comes(log: Path) -> None:
    add(log, b"".join(b"line %d\n" % number for number in range(KEPT + 5)))
    async with aclosing(cast("AsyncGenerator[str, None]", follow(log))) as lines:
        assert await anext(lines) == "line 5"
        for number in range(6, KEPT + 5):
            assert await anext(lines) == f"line {number}"
        further = asyncio.ensure_future(anext(lines))
        add(log, b"what came\n")
        assert await asyncio.wait_for(further, PATIENCE) == "what came"
