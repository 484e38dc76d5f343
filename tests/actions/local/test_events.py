"""Server-sent events, however the network splits them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.local.events import LONGEST, Events
from fleet.local.errors import LocalError

WIRE = (
    ': ping\n\nevent: token\ndata: {"a":"é 🦊"}\r\n\r\ndata:two\rdata: lines\r\r'
    "id: 7\nretry\n\ndata\n\ndata: [DONE]\n\ndata: cut"
).encode()
DATA = ['{"a":"é 🦊"}', "two\nlines", "", "[DONE]", "cut"]


@given(st.lists(st.integers(0, len(WIRE)), max_size=12))
def test_it_does_not_matter_where_they_are_cut(cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(WIRE)]
    events = Events()
    found = [data for start, end in pairwise(at) for data in events.feed(WIRE[start:end])]
    assert [*found, *events.feed(b"", final=True)] == DATA


def test_each_event_is_there_with_its_last_byte() -> None:
    events = Events()
    assert list(events.feed(b"data: a\n")) == []
    assert list(events.feed(b"\ndata: b\n\nda")) == ["a", "b"]


@pytest.mark.parametrize("line", [b"data: " + b"x" * LONGEST, b"data: x\n" * (LONGEST + 1)])
def test_one_that_does_not_end_is_given_up(line: bytes) -> None:
    with pytest.raises(LocalError, match="not a stream of tokens"):
        list(Events().feed(line))
