"""A painted line is freed when nobody shows it any more."""

from __future__ import annotations

import gc

from rich.segment import Segment
from textual.strip import Strip

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
