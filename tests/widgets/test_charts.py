"""Bars and strips: fixed scales, gaps, and no rounding to all or nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model.reading import Reading, State
from themes.glyphs import ASCII, UNICODE, Glyphs
from themes.palette import Role
from widgets.bar import bar
from widgets.cells import Name, Trend, Usage
from widgets.line import Span, width_of
from widgets.strip_chart import ChartScale, resample, strip_chart
from widgets.untrusted import untrusted

NAN = math.nan


@pytest.mark.parametrize(
    ("ratio", "drawn"),
    [
        (0.0, "────"),
        (0.001, "╸───"),
        (0.5, "━━──"),
        (0.6, "━━╸─"),
        (0.999, "━━━╸"),
        (1.0, "━━━━"),
        (1.7, "━━━━"),
        (-1.0, "────"),
        (NAN, "    "),
    ],
)
def test_bar(ratio: float, drawn: str) -> None:
    assert bar(ratio, 4) == drawn


def test_bar_in_ascii() -> None:
    assert bar(0.5, 4, ASCII) == "##.."
    assert bar(0.999, 4, ASCII) == "###."
    assert bar(0.5, 0, ASCII) == ""


@given(st.floats(0, 1), st.integers(0, 40), st.sampled_from([UNICODE, ASCII]))
def test_bar_is_as_wide_as_asked_and_full_only_when_full(ratio: float, width: int, glyphs: Glyphs) -> None:
    drawn = bar(ratio, width, glyphs)
    assert len(drawn) == width
    if width:
        assert (drawn == glyphs.bar[-1] * width) == (ratio == 1)


def test_strips_share_a_scale() -> None:
    scale = ChartScale(0.0, 70.0)
    assert strip_chart([0, 10, 20, 30, 40, 50, 60, 70], 8, scale) == "▁▂▃▄▅▆▇█"
    assert strip_chart([0, 1, 2, 3], 4, scale) == "▁▂▂▂"
    assert strip_chart([-5, 700], 2, scale) == "▁█"


def test_strips_show_gaps_and_end_at_the_right() -> None:
    assert strip_chart([0, NAN, 70], 5, ChartScale(0, 70)) == "  ▁ █"
    assert strip_chart([], 3, ChartScale(0, 70)) == "   "
    assert strip_chart([1, 2], 2, ChartScale(0, 0)) == "▁▁"
    assert strip_chart([0, 70], 2, ChartScale(0, 70), ASCII) == "_@"


def test_a_short_peak_survives_resampling() -> None:
    values = [0.0] * 50 + [9.0] + [0.0] * 49
    assert max(resample(values, 10)) == 9.0
    assert resample([1, 2, 3, 4], 2) == [2, 4]
    assert math.isnan(resample([NAN, NAN, 1, 2], 2)[0])


def test_each_level_of_a_logarithmic_strip_is_a_multiple_of_the_one_below() -> None:
    scale = ChartScale(0, 2_000, logarithmic=True)
    assert strip_chart([0, 1, 7, 24, 75, 220, 670, 2_000], 8, scale) == "▁▂▃▄▅▆▇█"
    assert strip_chart([-1, 90_000], 2, scale) == "▁█"


@given(st.lists(st.floats(allow_infinity=True)), st.integers(0, 60))
def test_strips_are_as_wide_as_asked(values: list[float], width: int) -> None:
    assert len(strip_chart(values, width, ChartScale(0, 1))) == width


def test_a_trend_ends_at_the_right_edge_of_its_column() -> None:
    cell = Trend((0.0, 5.0, 10.0, 20.0), ChartScale(0, 20))
    (drawn,) = cell.draw(8, "left", UNICODE)
    assert drawn.text == "    " + strip_chart((0.0, 5.0, 10.0, 20.0), 4, ChartScale(0, 20))


def test_a_bar_stands_on_a_track_of_its_own_role() -> None:
    drawn = Usage(Reading(0.5, State.FRESH), Role.WARNING).draw(9, "left", UNICODE)
    assert drawn == (Span("━━", Role.WARNING), Span("──", Role.DIM), Span("   50", Role.TEXT))
    assert Usage(Reading(1.0, State.FRESH)).draw(9, "left", UNICODE)[0] == Span("━━━━", Role.BAR)
    # Nothing is known: there is no track either, which would be an empty cache.
    assert Usage(Reading(NAN, State.MISSING)).draw(9, "left", UNICODE)[0].text == "    "


@pytest.mark.parametrize(
    ("name", "width", "drawn"),
    [("chat-8b-k4bpc", 13, "chat-8b-k4bpc"), ("chat-8b-k4bpc", 8, "…b-k4bpc"), ("ab", 4, "ab  "), ("abc", 1, "…")],
)
def test_a_name_keeps_its_end(name: str, width: int, drawn: str) -> None:
    assert Name(name).draw(width, "left", UNICODE)[0].text == drawn


@given(st.text(max_size=40), st.integers(0, 30))
def test_a_name_has_exactly_its_width(name: str, width: int) -> None:
    shown = Name(untrusted(name)).draw(width, "left", UNICODE)[0].text
    assert width_of(shown) == width
