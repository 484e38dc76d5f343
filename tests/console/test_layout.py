"""Texts of a page: beside their labels, and below them where the terminal is narrow."""

from __future__ import annotations

import pytest

from console.views.layout import LABEL, packed, wrapped
from widgets.line import Span

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


def test_values_are_below_their_label_in_a_narrow_page_and_none_is_cut() -> None:
    values = [("ready", Span("81/152")), ("serves", Span("llama-3.1-8b")), ("age", Span("6d"))]
    texts = {w: ["".join(span.text for span in line.spans) for line in packed("now", values, w)] for w in (40, 120)}
    assert texts[40] == ["   now", "   ready 81/152   serves llama-3.1-8b", "   age 6d"]
    assert texts[120] == [f"   {'now':<{LABEL}} ready 81/152   serves llama-3.1-8b   age 6d"]
    assert packed("now", [], 40) == []
