"""The plot of one quantity."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fleet.model.quantity import Unit
from themes.glyphs import ASCII, UNICODE, Glyphs
from themes.palette import Role
from widgets.line import spans_width
from widgets.plot import PlotModel, plot_lines
from widgets.strip_chart import ChartScale

NAN = math.nan
MODEL = PlotModel("TTFT p95", Unit.SECONDS, (0.0, 1.0, 2.0, 3.0), ChartScale(0.0, 3.0), span=900.0)


def texts(model: PlotModel, width: int, height: int, glyphs: Glyphs = ASCII) -> list[str]:
    return ["".join(span.text for span in line.spans) for line in plot_lines(model, width, height, glyphs)]


def test_the_curve_stands_on_its_scale() -> None:
    assert texts(MODEL, 24, 6) == [
        " TTFT p95 3.00s",
        " 3.00s             ****",
        "               *****   ",
        "           *****       ",
        "    0s *****           ",
        "       15m ago      now",
    ]


def test_of_the_past_the_axis_ends_then_and_not_now() -> None:
    assert texts(replace(MODEL, is_past=True), 24, 6)[-1] == "       15m before  then"


def test_gaps_are_gaps_and_values_beyond_the_scale_are_clipped() -> None:
    model = PlotModel("X", Unit.COUNT, (-5.0, NAN, 50.0, NAN), ChartScale(0.0, 10.0), span=60.0)
    drawn = texts(model, 12, 5)
    assert [row[7:] for row in drawn[1:4]] == ["  * ", "    ", "*   "]
    assert drawn[0].endswith(" 50")


def test_an_objective_is_a_dashed_line_with_its_value() -> None:
    model = PlotModel("X", Unit.SECONDS, (NAN,) * 4, ChartScale(0.0, 4.0), span=60.0, threshold=2.0)
    drawn = texts(model, 12, 7)
    assert drawn[3] == " 2.00s  - -"
    assert "–" in texts(model, 12, 7, UNICODE)[0], "no value is no zero"


def test_stale_values_are_drawn_as_such() -> None:
    model = PlotModel("X", Unit.COUNT, (1.0, 1.0, 1.0, 1.0), ChartScale(0.0, 1.0), span=60.0, stale=2)
    head, row, *_ = plot_lines(model, 12, 4, ASCII)
    assert head.spans[1].role is Role.STALE
    assert [(span.text, span.role) for span in row.spans[1:]] == [("**", Role.TREND), ("**", Role.STALE)]


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize(("width", "height"), [(0, 0), (1, 1), (8, 3), (40, 8), (250, 20)])
def test_any_size_is_drawn_within_its_bounds(glyphs: Glyphs, width: int, height: int) -> None:
    drawn = plot_lines(MODEL, width, height, glyphs)
    assert len(drawn) <= height
    assert all(spans_width(line.spans) <= max(width, 24) for line in drawn)


def test_braille_has_four_levels_in_a_cell() -> None:
    model = PlotModel("X", Unit.COUNT, (0.0, 1.0, 2.0, 3.0, 3.0, 2.0, 1.0, 0.0), ChartScale(0.0, 3.0), span=60.0)
    assert texts(model, 12, 3, UNICODE)[1][7:] == "⣠⠞⠙⢦"
