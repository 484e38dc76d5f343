"""Numbers as people say them."""

from __future__ import annotations

import pytest

from actions.number_words import count, some_names, span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (8.4, "8s"), (60, "1m"), (100, "1m40s"), (7500, "2h05m"), (86400, "24h00m"), (288 * 3600 + 60, "12d")],
)
def test_a_time(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_counts_and_names() -> None:
    assert (count(1, "pod"), count(3, "pod"), count(2, "copy", "copies")) == ("1 pod", "3 pods", "2 copies")
    assert some_names(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
