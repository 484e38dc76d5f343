"""Texts of a page: beside their labels, and below them where the terminal is narrow."""

from __future__ import annotations

import pytest

from console.views.layout import LABEL, wrapped

TEXT = "The GPU has fallen off the bus: its node can no longer reach it, and its engine cannot start again."


def drawn(label: str, width: int) -> list[str]:
    return ["".join(span.text for span in line.spans) for line in wrapped(label, TEXT, width)]


@pytest.mark.parametrize("label", ["", "since"])
@pytest.mark.parametrize("width", [40, 59, 60, 120])
def test_a_text_is_whole_and_within_the_page(label: str, width: int) -> None:
    lines = drawn(label, width)
    assert " ".join(" ".join(lines).split()) == f"{label} {TEXT}".strip()
    assert max(map(len, lines)) <= width


def test_in_a_narrow_page_it_uses_the_room_below_its_label() -> None:
    assert len(drawn("since", 40)) == 4
    assert all(line.startswith(" " * (LABEL + 4)) for line in drawn("since", 60)[1:]), "beside it elsewhere"


def test_no_text_is_no_line() -> None:
    assert wrapped("since", "", 40) == wrapped("since", "", 120) == []
