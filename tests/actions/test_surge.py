"""The pods that a rollout adds and removes, as the Deployment and StatefulSet controllers count them."""

from __future__ import annotations

from typing import Any

import pytest

from actions.planning.surge import rolling_of, written_of


@pytest.mark.parametrize(
    ("replicas", "rolling", "surge", "unavailable"),
    [
        (2, {}, 1, 0),
        (4, {}, 1, 1),
        (10, {"maxSurge": "30%", "maxUnavailable": "35%"}, 3, 3),
        (3, {"maxSurge": 0, "maxUnavailable": "10%"}, 0, 1),
        (3, {"maxSurge": 0, "maxUnavailable": 1}, 0, 1),
        (2, {"maxSurge": 2, "maxUnavailable": 0}, 2, 0),
    ],
)
def test_percentages_are_rounded_up_and_down(
    replicas: int, rolling: dict[str, Any], surge: int, unavailable: int
) -> None:
    spec = {"replicas": replicas, "strategy": {"rollingUpdate": rolling}}
    found = rolling_of({"kind": "Deployment", "spec": spec})
    assert (found.surge, found.unavailable) == (surge, unavailable)


def test_recreate_takes_all_of_them_away() -> None:
    found = rolling_of({"kind": "Deployment", "spec": {"replicas": 3, "strategy": {"type": "Recreate"}}})
    assert (found.leaving, found.recreate) == (3, True)


def test_no_more_leave_than_there_are() -> None:
    strategy = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 5}}
    assert rolling_of({"kind": "Deployment", "spec": {"replicas": 2, "strategy": strategy}}).leaving == 2


@pytest.mark.parametrize(
    ("update", "leaving"),
    [
        ({}, 1),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "30%"}}, 2),
        ({"type": "OnDelete"}, 0),
    ],
)
def test_a_stateful_set_adds_none(update: dict[str, Any], leaving: int) -> None:
    found = rolling_of({"kind": "StatefulSet", "spec": {"replicas": 5, "updateStrategy": update}})
    assert (found.surge, found.leaving) == (0, leaving)


def test_what_is_not_written_is_a_quarter() -> None:
    assert written_of({"spec": {}}) == ("25%", "25%")
    assert written_of({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}}) == (0, 1)
