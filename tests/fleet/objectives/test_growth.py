"""Growth of a queue: reported if it grows, with its rate, and never otherwise."""

from __future__ import annotations

import math
import random

import pytest

from fleet.objectives.objective import objective
from fleet.objectives.queue_growth import Outlook, QueueTrend, growth_text, trend

STEP = 15.0


def test_a_queue_that_grows_has_the_rate_of_its_growth() -> None:
    found = trend([10 + 1.8 * STEP * at for at in range(20)], STEP)
    assert found is not None
    assert found.per_second == pytest.approx(1.8)
    assert found.waiting == pytest.approx(10 + 1.8 * STEP * 19)


def test_a_steady_rise_is_told_from_its_fourth_point_on() -> None:
    found = trend([10.0, 40.0, 70.0, 100.0], STEP)
    assert found is not None
    assert found.per_second == pytest.approx(2.0)


def test_one_step_back_is_no_turn() -> None:
    assert trend([0, 200, 500, 900, 1300, 1250], STEP) is not None


def test_odd_points_and_gaps_do_not_move_it() -> None:
    values = [10 + 1.8 * STEP * at for at in range(20)]
    values[4], values[11], values[12] = 900.0, math.nan, 0.0
    found = trend(values, STEP)
    assert found is not None
    assert found.per_second == pytest.approx(1.8, rel=0.15)


@pytest.mark.parametrize(
    "values",
    [
        [12.0] * 20,
        [0.0] * 20,
        [0, 3, 0, 2, 4, 1, 0, 2, 3, 1, 2, 0, 4, 1, 3, 2, 0, 1, 2, 3],
        [100 + 10 * math.sin(at) for at in range(20)],
        [5.0, 9.0, 14.0],
        [*[0.0] * 19, 400.0],
        [0, 200, 500, 900, 1300, 1700, 1800, 1780, 1700, 1600],
        [0, 300, 700, 1100, 1500, 1800, 1790, 1805, 1795, 1800, 1790, 1800],
        [10, 20, 15, 30, 40],
    ],
    ids=[
        "flat",
        "empty",
        "few that come and go",
        "waves",
        "too short",
        "one point",
        "has turned",
        "has stopped",
        "short, disordered",
    ],
)
def test_nothing_is_told_of_one_that_does_not(values: list[float]) -> None:
    assert trend(values, STEP) is None


@pytest.mark.parametrize("points", [4, 5, 6, 7, 8, 10, 12, 16, 20])
def test_noise_alone_is_hardly_ever_a_trend_however_short_it_is(points: int) -> None:
    chance = random.Random(points)
    number = sum(trend([chance.gauss(40, 12) for _ in range(points)], STEP) is not None for _ in range(1000))
    assert number <= 15, "one of a hundred, and what a thousand draws differ by"


def test_a_queue_that_only_remembers_its_length_is_seldom_a_trend() -> None:
    chance = random.Random(3)

    def wandering(points: int) -> list[float]:
        values = [40.0]
        while len(values) < points:
            values.append(20.0 + values[-1] / 2 + chance.gauss(0, 10))
        return values

    number = sum(trend(wandering(points), STEP) is not None for points in range(4, 21) for _ in range(60))
    assert number <= 0.04 * 17 * 60


@pytest.mark.parametrize(("points", "least"), [(5, 60), (6, 90), (8, 85), (12, 95)])
def test_growth_is_told_through_the_noise(points: int, least: int) -> None:
    chance = random.Random(5)
    grown = [[30 + 27 * at + chance.gauss(0, 12) for at in range(points)] for _ in range(100)]
    assert sum(trend(values, STEP) is not None for values in grown) >= least


def test_words() -> None:
    promise = objective("ttft_p95", 2.5)
    assert growth_text(Outlook(QueueTrend(1.8, 40), promise, 240)) == "grows 1.8/s, TTFT passes 2.5s in 4m"
    assert growth_text(Outlook(QueueTrend(1.8, 400), promise, 0.0)) == "grows 1.8/s, TTFT above 2.5s"
    assert growth_text(Outlook(QueueTrend(0.02, 40))) == "grows 1.2/min"
    assert growth_text(Outlook(QueueTrend(-0.5, 60), None, 120)) == "drains, empty in 2m"
