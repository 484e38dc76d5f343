"""Rows of a column that reach a limit, against a look at each number."""

from __future__ import annotations

import math
import random
from array import array

import pytest

from fleet.model.column_search import _places, rows_at_least, rows_of_zero

ODD = (0.0, -0.0, math.nan, -math.nan, math.inf, -math.inf, 5e-324, 1e-310, -1e-310, 1.0, 0.95, 0.1, 50.0, 1e300, -3.0)
LIMITS = (1.0, 0.95, 0.1, 50.0, 85.0, 1e-9, 5e-324, 1e300, math.inf)


def columns() -> list[array[float]]:
    """Columns of any length, of odd numbers and of ordinary ones."""
    rng = random.Random(3)
    drawn = [lambda: rng.choice(ODD), lambda: rng.uniform(-2, 200), lambda: rng.uniform(0.9, 1.0)]
    return [array("d", (rng.choice(drawn)() for _ in range(rng.randrange(40)))) for _ in range(500)]


@pytest.mark.parametrize("limit", LIMITS)
def test_they_are_those_that_a_look_at_each_number_finds(limit: float) -> None:
    for column in columns():
        assert rows_at_least(column, limit) == [row for row, value in enumerate(column) if value >= limit]


def test_rows_that_other_numbers_reach_a_limit_in_are_not_counted_out_again() -> None:
    rng = random.Random(5)
    sick = {17, 400, 401, 999}
    _places.cache_clear()
    for _ in range(20):
        column = array("d", (rng.uniform(60, 140) if row in sick else rng.uniform(0, 9) for row in range(1_000)))
        assert rows_at_least(column, 50.0) == sorted(sick)
    assert _places.cache_info().misses == 1


def test_zero_is_zero_of_both_signs_and_nothing_close_to_it() -> None:
    for column in columns():
        assert rows_of_zero(column) == [row for row, value in enumerate(column) if value == 0]


@pytest.mark.parametrize("limit", [0.0, -1.0])
def test_a_limit_that_is_not_above_zero_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        rows_at_least(array("d", [1.0]), limit)
