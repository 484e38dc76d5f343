"""A painted line is freed when nobody shows it any more."""

from __future__ import annotations

import gc

from rich.cells import cached_cell_len, cell_len
from rich.segment import Segment
from textual.strip import Strip

from themes.palette import Role
from widgets.line import Line, Span, ended, is_narrow, width_of
from widgets.line_view import LineStrip


def _alive() -> int:
    return sum(isinstance(found, LineStrip) for found in gc.get_objects())


def test_a_line_that_was_painted_from_edge_to_edge_is_no_cycle() -> None:
    gc.disable()
    try:
        before = _alive()
        strip = LineStrip([Segment("abc"), Segment("def")], 6)
        assert strip.divide([6, 9])[0] is strip
        assert strip.divide([6])[0] is strip
        assert _alive() == before + 1
        del strip
        assert _alive() == before
    finally:
        gc.enable()


def test_it_is_divided_as_any_strip() -> None:
    segments = [Segment("abc"), Segment("def")]
    for cuts in ([2, 6], [3, 4, 6], [1], [2, 9]):
        assert list(LineStrip(segments, 6).divide(cuts)) == list(Strip(segments, 6).divide(cuts))


def test_a_line_that_is_cut_says_so_and_one_that_fits_is_left() -> None:
    line = Line((Span("numbers of "), Span("chat-70b   ", Role.STRONG)), Role.CURSOR)
    assert ended(line, 22, "…") is line
    assert ended(line, 19, "…") is line, "beyond are blanks alone"
    cut = ended(line, 15, "…")
    assert "".join(span.text for span in cut.spans) == "numbers of cha…"
    assert cut.overlay is Role.CURSOR


def test_it_is_cropped_as_any_strip() -> None:
    segments = [Segment("● chat…"), Segment("日本 │ 3"), Segment("e\u0301 ok")]
    width = Strip(segments).cell_length
    for end in (None, *range(width + 3)):
        for start in (0, 1, 8):
            assert list(LineStrip(segments, width).crop(start, end)) == list(Strip(segments, width).crop(start, end))


def test_rich_remembers_no_line_of_usual_characters() -> None:
    before = cached_cell_len.cache_info().currsize
    for number in range(10):
        text = f" │ ● chat-70b…{number}d  {number} ━━─ 35 µs → ≤{number} – never shown before"
        strip = LineStrip([Segment(text)], width_of(text))
        strip.crop(0, 20)
    assert cached_cell_len.cache_info().currsize == before


def test_narrow_characters_take_one_cell() -> None:
    narrow = [char for char in map(chr, range(0x20, 0x3000)) if not char.isascii() and is_narrow(char)]
    assert {"…", "│", "⠚", "●", "–"}.issubset(narrow)
    assert {char for char in narrow if cell_len(char) != 1} == set()
