"""Counters over the sliding window."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.metrics.counter_window import Window


def test_one_sample_has_no_rate() -> None:
    window = Window(60)
    window.add(100, [5.0])
    assert math.isnan(window.rates()[0])
    assert window.covered == 0


def test_two_samples_give_the_slope() -> None:
    window = Window(60)
    window.add(100, [5.0, 1.0])
    window.add(110, [25.0, 1.0])
    assert list(window.rates()) == [2.0, 0.0]
    assert window.covered == 10
    assert not window.reset


def test_what_lies_before_the_window_is_forgotten() -> None:
    window = Window(60)
    window.add(0, [0.0])
    for t in range(10, 200, 10):
        window.add(t, [1000.0 + t])
    assert window.rates()[0] == pytest.approx(1.0)
    assert 50 <= window.covered <= 60


def test_a_fall_is_a_restart_from_zero() -> None:
    window = Window(60)
    for t, value in ((0, 100.0), (10, 110.0), (20, 4.0), (30, 9.0)):
        window.add(t, [value, float(t)])
    # 10 before the restart, 4 and 5 after it: what Prometheus' rate() counts.
    assert list(window.rates()) == [pytest.approx(19 / 30), pytest.approx(1.0)]
    assert window.reset


def test_the_restart_is_forgotten_with_the_window() -> None:
    window = Window(60)
    window.add(0, [100.0])
    window.add(10, [0.0])
    for t in range(20, 90, 5):
        window.add(t, [float(t)])
    assert not window.reset
    assert window.rates()[0] == pytest.approx(1.0)


def test_after_a_gap_longer_than_the_window_rates_start_anew() -> None:
    window = Window(60)
    window.add(0, [0.0])
    window.add(5, [5.0])
    window.add(500, [9000.0])
    assert math.isnan(window.rates()[0])
    window.add(510, [9010.0])
    assert window.rates()[0] == pytest.approx(1.0)


def test_a_counter_that_is_born_between_two_samples_started_from_zero() -> None:
    window = Window(60)
    window.add(0, [10.0])
    window.relabel([-1, 0])
    window.add(10, [3.0, 20.0])
    assert list(window.rates()) == [pytest.approx(0.3), pytest.approx(1.0)]


def test_time_that_stands_still_adds_nothing() -> None:
    window = Window(60)
    window.add(0, [1.0])
    window.add(0, [2.0])
    window.add(10, [11.0])
    assert list(window.rates()) == [pytest.approx(1.0)]


def test_a_counter_that_is_no_number_for_a_while_is_not_known_then_and_has_lost_nothing_after() -> None:
    window = Window(60)
    for t, value in ((0, 10.0), (10, math.nan), (20, math.nan), (30, 40.0)):
        window.add(t, [value, float(t)])
        assert math.isnan(window.rates()[0]) == (t < 30)
    assert list(window.rates()) == [1.0, 1.0]


def test_of_a_counter_that_was_no_number_at_first_the_gain_is_not_known_until_that_has_left_the_window() -> None:
    window = Window(20)
    seen = []
    for t in range(0, 60, 10):
        window.add(t, [math.nan if t == 0 else float(t), float(t)])
        seen.append(window.rates()[0])
    assert [math.isnan(rate) for rate in seen] == [True, True, True, False, False, False]
    assert seen[-1] == 1.0


def test_counters_that_change_places_keep_what_they_have_gained() -> None:
    window = Window(60)
    for t in (0, 10, 20):
        window.add(t, [t * 1.0, t * 2.0, t * 3.0])
    window.relabel([2, -1, 0])
    window.add(30, [90.0, 5.0, 30.0])
    assert list(window.rates()) == [3.0, pytest.approx(5 / 30), 1.0]


def test_what_a_counter_has_come_to_costs_no_precision() -> None:
    window = Window(60)
    for i in range(30):
        window.add(2.0 * i, [2.0**52 + 3 * i, 1e9 + 0.25 * i])
    assert list(window.rates()) == [1.5, 0.125]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=2, max_size=30), st.integers(1, 7))
def test_increases_are_those_of_prometheus(values: list[int], step: int) -> None:
    """Compared with the definition: last - first, plus the value before each fall, over the samples in the window."""
    window = Window(20.0)
    for i, value in enumerate(values):
        window.add(i * step, [float(value)])
    covered = window.covered
    inside = [v for i, v in enumerate(values) if (len(values) - 1 - i) * step <= covered]
    increase = inside[-1] - inside[0] + sum(a for a, b in pairwise(inside) if b < a)
    assert covered <= 20.0
    assert window.rates()[0] * covered == pytest.approx(increase)


def test_the_gain_since_the_sample_before_counts_a_restart_and_does_not_know_what_is_no_number() -> None:
    window = Window(60)
    assert window.add(0, [100.0, 5.0]) is None
    moved = window.add(10, [130.0, 5.0])
    assert moved is not None
    assert (list(moved.counters), moved.seconds) == ([30.0, 0.0], 10)
    assert window.add(10, [140.0, 5.0]) is None, "the same answer again is no sample"
    again = window.add(25, [4.0, math.nan])
    assert again is not None
    assert (again.counters[0], again.seconds) == (4.0, 15)
    assert math.isnan(again.counters[1])
    assert next(iter(window.rates())) == pytest.approx(34 / 25)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0.5, 40.0), st.integers(0, 50), st.integers(-3, 9)), min_size=2, max_size=40),
    st.sampled_from([20.0, 60.0]),
)
def test_rates_that_are_asked_for_at_every_sample_are_those_that_are_added_up_from_all_of_it(
    steps: list[tuple[float, int, int]], span: float
) -> None:
    asked, at, values = Window(span), 0.0, [0.0, 0.0]
    samples: list[tuple[float, list[float]]] = []
    for step, gain, other in steps:
        at, values = at + step, [values[0] + gain, max(0.0, values[1] + other)]
        samples.append((at, values))
        asked.add(at, values)
        once = Window(span)
        for each in samples:
            once.add(*each)
        assert list(asked.rates()) == pytest.approx(list(once.rates()), nan_ok=True)
