"""The arithmetic of rollouts, case by case as Kubernetes has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.controllers.rollout import Limits, Part, grow, limits, resized, shrink


@pytest.mark.parametrize(
    ("replicas", "rolling", "expected"),
    [
        (2, {}, Limits(1, 0)),
        (3, {"maxSurge": "25%", "maxUnavailable": "25%"}, Limits(1, 0)),
        (4, {"maxSurge": "25%", "maxUnavailable": "25%"}, Limits(1, 1)),
        (10, {"maxSurge": "30%", "maxUnavailable": "35%"}, Limits(3, 3)),
        (3, {"maxSurge": 0, "maxUnavailable": 1}, Limits(0, 1)),
        (3, {"maxSurge": 0, "maxUnavailable": "10%"}, Limits(0, 1)),  # both would be 0
        (2, {"maxSurge": 3, "maxUnavailable": 5}, Limits(3, 2)),
        (0, {}, Limits(0, 0)),
    ],
)
def test_limits_are_rounded_up_and_down(replicas: int, rolling: dict[str, object], expected: Limits) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    assert limits({"replicas": replicas, "strategy": strategy}) == expected


def test_recreate_may_leave_nobody() -> None:
    assert limits({"replicas": 3, "strategy": {"type": "Recreate"}}) == Limits(0, 3)


@pytest.mark.parametrize(
    ("desired", "limit", "new", "total", "expected"),
    [
        (5, Limits(2, 1), 0, 5, 2),
        (5, Limits(2, 1), 2, 6, 3),
        (5, Limits(2, 1), 3, 7, 3),
        (3, Limits(0, 1), 0, 3, 0),
        (3, Limits(0, 1), 0, 2, 1),
        (2, Limits(1, 0), 4, 6, 2),  # scaled by hand: back to what the Deployment wants
    ],
)
def test_the_new_one_grows_into_the_surge(desired: int, limit: Limits, new: int, total: int, expected: int) -> None:
    assert grow(desired, limit, new, total) == expected


def test_old_pods_that_are_not_available_go_first() -> None:
    assert shrink(4, Limits(1, 1), Part(1, 0), [Part(2, 0), Part(2, 2)]) == [1, 2]


def test_old_pods_go_when_new_ones_are_available() -> None:
    assert shrink(5, Limits(2, 1), Part(2, 0), [Part(5, 5)]) == [4]
    assert shrink(5, Limits(2, 1), Part(3, 1), [Part(4, 4)]) == [3]
    assert shrink(5, Limits(2, 1), Part(5, 5), [Part(1, 1)]) == [0]


def test_without_room_for_a_surge_nothing_is_stopped() -> None:
    assert shrink(2, Limits(1, 0), Part(1, 0), [Part(2, 2)]) == [2]


def test_scaling_in_the_middle_of_a_rollout_is_proportional() -> None:
    assert resized(10, Limits(3, 2), [(4, 7), (3, 7)]) == [7, 6]
    assert resized(2, Limits(1, 0), [(4, 7), (3, 7)]) == [2, 1]
    assert resized(0, Limits(0, 0), [(4, 7), (3, 7)]) == [0, 0]


@given(
    desired=st.integers(0, 40),
    surge=st.integers(0, 10),
    unavailable=st.integers(0, 10),
    new=st.integers(0, 40),
    ready=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=4),
)
def test_a_step_never_leaves_the_limits(
    desired: int, surge: int, unavailable: int, new: int, ready: list[tuple[int, int]]
) -> None:
    limit = Limits(surge, unavailable)
    old = [Part(replicas, min(replicas, available)) for replicas, available in ready]
    total = new + sum(part.replicas for part in old)
    size = grow(desired, limit, new, total)
    assert size <= desired
    assert size == min(new, desired) or size - new + total <= desired + surge
    after = shrink(desired, limit, Part(size, min(size, new)), old)
    before = sum(part.available for part in old) + min(size, new)
    left = sum(min(replicas, part.available) for replicas, part in zip(after, old, strict=True)) + min(size, new)
    assert all(0 <= replicas <= part.replicas for replicas, part in zip(after, old, strict=True))
    assert left >= min(before, desired - unavailable)
