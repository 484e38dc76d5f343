"""The chart with axes: what is drawn where, on each kind of terminal."""

from __future__ import annotations

import math

import pytest

from fleet.model.quantity import Unit
from themes.glyphs import ASCII, BLOCKS, UNICODE, Glyphs
from themes.palette import Role
from widgets.chart import AXIS, ChartModel, Drawn, Mark, chart_lines, nice_top, time_at
from widgets.line import spans_width

NAN = math.nan
NOON = 1_795_953_600.0  # 2026-11-29 12:00:00 UTC
WIDTH = AXIS + 31


def chart(*drawn: Drawn, marks: tuple[Mark, ...] = (), pointer: float = NAN, top: float = 10.0) -> ChartModel:
    return ChartModel(Unit.SECONDS, NOON - 1800, NOON, top, drawn, marks, pointer)


def texts(model: ChartModel, glyphs: Glyphs = ASCII, width: int = WIDTH, height: int = 13) -> list[str]:
    return ["".join(span.text for span in line.spans) for line in chart_lines(model, width, height, glyphs)]


def columns(rows: list[str], sign: str) -> set[int]:
    return {x for row in rows[:-2] for x, char in enumerate(row[AXIS:]) if char == sign}


def test_values_stand_at_their_height_and_the_axes_say_which() -> None:
    rows = texts(chart(Drawn((10.0,) * 31)))
    assert rows[0] == " 10.0s +" + " " * 0 + "*" * 31 or rows[0].endswith("*" * 31)
    assert rows[0].split()[0] == "10.0s"
    assert rows[5].split()[0] == "5.00s"
    assert rows[10].split()[0] == "0s"
    assert texts(chart(Drawn((0.0,) * 31)))[10].endswith("*" * 31)
    assert texts(chart(Drawn((99.0,) * 31)))[0].endswith("*" * 31), "beyond the scale it is clipped"


def test_the_time_axis_has_round_times_and_the_date_at_midnight() -> None:
    rows = texts(chart(Drawn((1.0,) * 31)), width=AXIS + 61)
    assert rows[-1].split() == ["11:30", "11:40", "11:50", "12:00"] or rows[-1].split() == ["11:30", "11:40", "11:50"]
    assert rows[-2].index("+", AXIS) - AXIS == 0
    night = ChartModel(Unit.COUNT, NOON - 86_400, NOON, 1.0, (Drawn((1.0,) * 10),))
    assert "Nov 29" in texts(night, width=AXIS + 61)[-1]


def test_a_gap_is_a_gap_and_what_stands_alone_is_seen() -> None:
    values = [5.0] * 10 + [NAN] * 11 + [5.0] * 10
    assert columns(texts(chart(Drawn(values))), "*") == {*range(10), *range(21, 31)}
    alone = [NAN] * 31
    alone[15] = 5.0
    assert columns(texts(chart(Drawn(alone))), "*") == {15}
    assert columns(texts(chart(Drawn([NAN, 5.0, NAN]))), "*"), "few points: half a step on either side"


def test_between_two_values_it_is_straight_and_a_jump_is_a_line() -> None:
    rows = texts(chart(Drawn((0.0, 10.0))))
    assert all("*" in row for row in rows[:11]), "no row is left out on the way up"


def test_a_short_peak_is_not_lost_among_many_values() -> None:
    values = [0.0] * 3000
    values[1234] = 10.0
    assert "*" in texts(chart(Drawn(values)))[0]


def test_a_band_lies_behind_its_curve() -> None:
    rows = texts(chart(Drawn((5.0,) * 31, (2.0,) * 31, (8.0,) * 31)))
    shaded = [y for y, row in enumerate(rows[:11]) if ":" in row]
    assert shaded == [2, 3, 4, 6, 7, 8]
    assert rows[5].endswith("*" * 31)


def test_two_curves_are_told_apart_without_colours() -> None:
    rows = texts(chart(Drawn((8.0,) * 31), Drawn((2.0,) * 31, dotted=True, role=Role.ACCENT)))
    assert rows[2].endswith("*" * 31)
    assert "o o o" in rows[8]
    braille = texts(chart(Drawn((8.0,) * 31), Drawn((2.0,) * 31, dotted=True)), UNICODE)
    assert " " in braille[8][AXIS:].strip()
    assert " " not in braille[2][AXIS:].strip()


def test_what_happened_is_marked_on_the_time_axis_and_nothing_outside_is() -> None:
    marks = (Mark(NOON - 900, "!", Role.WARNING), Mark(NOON - 9000, "?", Role.ACCENT))
    rows = texts(chart(Drawn((1.0,) * 31), marks=marks))
    assert rows[-2][AXIS + 15] == "!"
    assert "?" not in rows[-2]


def test_the_pointer_stands_at_its_time_and_the_mouse_finds_it_there() -> None:
    model = chart(Drawn((NAN,) * 31), pointer=NOON - 600)
    rows = texts(model)
    assert columns(rows, "|") == {20}
    assert time_at(model, WIDTH, AXIS + 20) == pytest.approx(NOON - 600)
    assert math.isnan(time_at(model, WIDTH, 3)), "on the labels there is no time"


@pytest.mark.parametrize("glyphs", [UNICODE, BLOCKS, ASCII], ids=["braille", "blocks", "ascii"])
@pytest.mark.parametrize(("width", "height"), [(0, 0), (5, 3), (30, 6), (80, 20), (250, 60)])
def test_any_size_is_drawn_within_its_bounds(glyphs: Glyphs, width: int, height: int) -> None:
    model = chart(Drawn((1.0, NAN, 4.0), (0.5, NAN, 2.0), (3.0, NAN, 9.0)), marks=(Mark(NOON, "o", Role.OK),))
    lines = chart_lines(model, width, height, glyphs)
    assert len(lines) in (0, height)
    assert all(spans_width(line.spans) <= width for line in lines)
    drawn = "".join(span.text for line in lines for span in line.spans)
    assert drawn.isascii() or not glyphs.ascii
    braille = any("⠀" <= char <= "⣿" for char in drawn)
    assert braille == (glyphs is UNICODE and bool(lines)), "no braille where the font has none"


@pytest.mark.parametrize(
    ("highest", "least", "unit", "top"),
    [
        (0.0, 10, Unit.COUNT, 10),
        (10.5, 10, Unit.COUNT, 20),
        (41.0, 10, Unit.COUNT, 50),
        (0.3, 0.1, Unit.SECONDS, 0.5),
        (70 * 2.0**30, 2.0**30, Unit.BYTES, 100 * 2.0**30),
    ],
)
def test_scales_end_on_round_numbers_of_what_they_are_written_in(
    highest: float, least: float, unit: Unit, top: float
) -> None:
    assert nice_top([NAN, highest], least, unit) == pytest.approx(top)
