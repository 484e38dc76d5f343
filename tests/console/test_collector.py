"""The collector of cycles does not run while a large answer is decoded."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.garbage_collector import collect_rarely, not_yet
from fleet.net.decoding import collector_paused
from tests.console.terminal import terminal
from tests.waiting import block_until


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """Record the generations that are collected, as it happens."""
    seen: list[int] = []
    before = gc.get_threshold()

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            seen.append(info["generation"])

    gc.collect()
    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)
    gc.set_threshold(*before)
    gc.enable()
    gc.unfreeze()


def test_an_answer_of_a_large_fleet_is_no_reason_to_look_at_everything(collections: list[int]) -> None:
    collect_rarely()
    answer = [{"number": [number]} for number in range(120_000)]
    assert len(answer) == 120_000
    assert set(collections) == {0}
    assert len(collections) <= 5


def test_cycles_are_collected_all_the_same(collections: list[int]) -> None:
    collect_rarely()
    for _ in range(60_000):
        cycle: list[object] = []
        cycle.append(cycle)
    assert 0 in collections


def test_nothing_is_looked_at_while_the_console_starts(collections: list[int]) -> None:
    not_yet()
    cycles = [[number] for number in range(60_000)]
    assert collections == []
    collect_rarely()
    assert gc.get_freeze_count() >= len(cycles)
    assert gc.isenabled()


def test_what_is_being_decoded_when_the_console_begins_to_look_is_not_looked_at(collections: list[int]) -> None:
    not_yet()
    with collector_paused():
        collect_rarely()
        answer = [[number] for number in range(60_000)]
        with collector_paused():
            assert not gc.isenabled()
        assert (gc.isenabled(), len(answer), collections) == (False, 60_000, [])
    assert gc.isenabled()


def test_the_console_begins_to_look(tmp_path: Path) -> None:
    began = tmp_path / "began"
    code = (
        "import sys, console.cli.garbage_collector as collector, console.main as main\n"
        "collector.FIRST, begin = 0.01, collector.collect_rarely\n"
        f"collector.collect_rarely = lambda: (begin(), open({str(began)!r}, 'w').close())\n"
        "sys.exit(main.main(['--kubeconfig', '/nowhere']))"
    )
    with terminal("-c", code, XDG_STATE_HOME=str(tmp_path)) as term:
        block_until(began.exists)
        term.until(lambda text: "/nowhere" in text)
        term.type(b"\x03")
        assert term.end() == 0
