"""The collector of cycles does not run while a large answer is decoded."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from console.cli.collector import collect_rarely


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """Which generations are collected, as it happens."""
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
