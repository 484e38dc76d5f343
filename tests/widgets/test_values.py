"""Readings as text: figures, units, and what is not known."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model.quantity import Unit
from fleet.model.reading import MISSING, UNKNOWN, Bound, Reading, State
from themes.glyphs import ASCII, UNICODE
from themes.palette import Role
from widgets.cells import Number
from widgets.values import (
    age_text,
    bytes_text,
    fewer_digits,
    number_text,
    percent_text,
    reading_text,
    scaled,
    seconds_text,
    significant,
)

GIB = 2.0**30


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (7.0, "7"),
        (0.0123, "0.012"),
        (0.123, "0.123"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (123.4, "123"),
        (99.96, "100"),
        (9.999, "10.0"),
        (-1.5, "-1.50"),
    ],
)
def test_three_significant_figures(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (999.4, "999"),
        (999.6, "1.00k"),
        (1250, "1.25k"),
        (9800, "9.80k"),
        (31_000, "31.0k"),
        (310_000, "310k"),
        (999_600, "1.00M"),
        (1_200_000, "1.20M"),
        (7.5e9, "7.50G"),
        (2e12, "2.00T"),
        (3.2e15, "3200T"),
        (-4200, "-4.20k"),
    ],
)
def test_thousands(value: float, text: str) -> None:
    assert scaled(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0s"),
        (0.000012, "12µs"),
        (0.0042, "4.2ms"),
        (0.014, "14ms"),
        (0.0996, "100ms"),
        (0.41, "410ms"),
        (0.9996, "1.00s"),
        (1.9, "1.90s"),
        (12.34, "12.3s"),
        (2560, "2560s"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert seconds_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0B"), (512, "512B"), (2048, "2.00KiB"), (71.2 * GIB, "71.2GiB"), (1023.9 * GIB, "1.00TiB")]
)
def test_bytes(value: float, text: str) -> None:
    assert bytes_text(value) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0, "0"),
        (0.000001, "0.01"),
        (0.0002, "0.02"),
        (0.0425, "4.2"),
        (0.43, "43"),
        (0.944, "94"),
        (0.996, "99.6"),
        (0.99999, "99.9"),
        (1.0, "100"),
    ],
)
def test_per_cent_is_never_all_or_nothing_by_rounding(ratio: float, text: str) -> None:
    assert percent_text(ratio) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (71.4, Unit.CELSIUS, "71"),
        (612.0, Unit.WATTS, "612"),
        (9_999.0, Unit.WATTS, "9999"),
        (14_962.0, Unit.WATTS, "15.0k"),
        (1980.0, Unit.MEGAHERTZ, "1980"),
        (9800.0, Unit.TOKENS_PER_SECOND, "9.80k"),
        (0.25, Unit.PER_SECOND, "0.250"),
        (math.inf, Unit.COUNT, "inf"),
    ],
)
def test_units(value: float, unit: Unit, text: str) -> None:
    assert number_text(value, unit) == text


@pytest.mark.parametrize(
    ("reading", "unit", "text", "role"),
    [
        (Reading(1.9, State.FRESH, 2.0), Unit.SECONDS, "1.90s", Role.TEXT),
        (Reading(1.9, State.RESET, 2.0), Unit.SECONDS, "1.90s", Role.TEXT),
        (Reading(1.9, State.STALE, 40.0), Unit.SECONDS, "1.90s·40s", Role.STALE),
        (Reading(0.0, State.FRESH, 2.0), Unit.COUNT, "0", Role.TEXT),
        (MISSING, Unit.COUNT, "–", Role.DIM),
        (UNKNOWN, Unit.COUNT, "?", Role.UNKNOWN),
        (Reading(0.297, State.FRESH, 2.0, Bound.AT_MOST, 0.3), Unit.SECONDS, "≤0.3s", Role.TEXT),
        (Reading(2560.0, State.FRESH, 2.0, Bound.AT_LEAST, 2560.0), Unit.SECONDS, "≥2560s", Role.TEXT),
        (Reading(71.0, State.FRESH, 2.0), Unit.CELSIUS, "71°C", Role.TEXT),
    ],
)
def test_readings(reading: Reading, unit: Unit, text: str, role: Role) -> None:
    assert reading_text(reading, unit, with_unit=True, with_age=True) == (text, role)


def test_readings_in_ascii() -> None:
    bounded = Reading(0.297, State.STALE, 40.0, Bound.AT_MOST, 0.3)
    assert reading_text(bounded, Unit.SECONDS, glyphs=ASCII, with_age=True).text == "<=0.3s|40s"
    assert reading_text(MISSING, Unit.COUNT, glyphs=ASCII).text == "-"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (41.9, "41s"),
        (60, "1m"),
        (190, "3m10s"),
        (605, "10m"),
        (3600 * 5 + 1200, "5h20m"),
        (3600 * 12 + 1200, "12h"),
        (86400 * 3, "3d"),
        (86400 * 5 + 3600 * 4, "5d4h"),
        (86400 * 120 + 3600, "120d"),
        (math.nan, ""),
        (math.inf, "11574074d"),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


@pytest.mark.parametrize(
    ("text", "width", "shorter"),
    [
        ("0.047", 4, "0.05"),
        ("12.3k", 4, "12k"),
        ("1.90s", 4, "1.9s"),
        ("123", 2, "123"),
        ("0.047", 9, "0.047"),
        ("≤0.35s", 5, "≤0.3s"),
    ],
)
def test_fewer_digits(text: str, width: int, shorter: str) -> None:
    assert fewer_digits(text, width) == shorter


@given(st.floats(allow_nan=False), st.sampled_from(Unit))
def test_any_number_is_text_without_an_exponent(value: float, unit: Unit) -> None:
    text = number_text(value, unit)
    assert text
    assert "e" not in text
    assert text.isprintable()


@given(st.floats(min_value=0.001, max_value=1e14))
def test_scaling_loses_less_than_a_hundredth(value: float) -> None:
    text = scaled(value)
    factor = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(text[-1], 1.0)
    assert float(text.rstrip("kMGT")) * factor == pytest.approx(value, rel=0.006, abs=0.0006)


def test_a_percentile_that_only_its_bucket_bounds_is_a_range_and_never_a_point() -> None:
    reading = Reading(39.0, State.FRESH, 1.0, Bound.WITHIN, 40.0, 20.0)
    assert reading_text(reading, Unit.SECONDS).text == "20–40s"
    assert reading_text(reading, Unit.SECONDS, glyphs=ASCII).text == "20-40s"
    (span,) = Number(reading, Unit.SECONDS).draw(5, "right", UNICODE)
    assert span.text == " ≥20s"
