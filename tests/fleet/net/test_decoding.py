"""The cycle collector is paused while an answer is decoded, and restored afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import orjson
import pytest

from fleet.net.decoding import collector_paused, decoded

LARGE = b"[" + b",".join([b'{"a":[1]}'] * 50_000) + b"]"


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """Record the collected generations as it happens, with a collector that runs often."""
    seen: list[int] = []
    before, enabled = gc.get_threshold(), gc.isenabled()

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            seen.append(info["generation"])

    gc.enable()
    gc.set_threshold(500, 10, 10)
    # Objects from before the test must not trigger a collection during it.
    gc.collect(0)
    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)
    gc.set_threshold(*before)
    if not enabled:
        gc.disable()


def test_a_large_answer_is_not_looked_through_for_cycles_while_it_is_decoded(collections: list[int]) -> None:
    answer = decoded(LARGE)
    assert len(answer) == 50_000
    assert len(collections) <= 1
    assert gc.isenabled()


@pytest.mark.parametrize("text", [b"[1]", b"no JSON"])
def test_the_collector_is_left_as_it_was_found(collections: list[int], text: bytes) -> None:
    del collections
    for enabled, switch in ((True, gc.enable), (False, gc.disable)):
        switch()
        try:
            assert decoded(text) == [1]
        except orjson.JSONDecodeError:
            assert text == b"no JSON"
        assert gc.isenabled() is enabled


def test_what_is_read_and_dropped_meanwhile_is_not_looked_at_afterwards_either(collections: list[int]) -> None:
    with collector_paused():
        answer = decoded(LARGE)
        while answer:
            answer.pop()
    assert len(collections) <= 1
    kept = [[number] for number in range(20_000)]
    assert len(kept) == 20_000
    assert collections, "it collects again"


def test_it_waits_until_the_last_has_done_whatever_ends_the_others(collections: list[int]) -> None:
    del collections
    first = collector_paused()
    with first:
        with pytest.raises(orjson.JSONDecodeError):
            decoded(b"no JSON")
        assert not gc.isenabled()
    assert gc.isenabled()
