"""Ratios of engines' counters: never averaged, never 0 without counts."""

from __future__ import annotations

import pytest

from fleet.model.quantity import Quantity
from fleet.snapshot.builder import Builder
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, pod

CHAT = "serving/Deployment/chat"


def test_ratios_divide_sums_and_are_not_averaged() -> None:
    values = {
        engine("a"): {Quantity.PREFIX_HITS: 90.0, Quantity.PREFIX_QUERIES: 100.0},
        engine("b"): {Quantity.PREFIX_HITS: 0.0, Quantity.PREFIX_QUERIES: 900.0},
    }
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), measurement(values), [LIVE], NOW)
    assert snapshot.by_workload.get(CHAT, Quantity.PREFIX_HIT_RATIO).value == pytest.approx(0.09)


def test_no_errors_are_a_ratio_of_zero_but_no_traffic_is_no_ratio() -> None:
    quiet = {Quantity.HTTP_ERRORS: 0.0}
    values = {
        engine("a"): quiet | {Quantity.HTTP_REQUESTS: 4.0},
        engine("b"): quiet | {Quantity.HTTP_REQUESTS: 0.0},
    }
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), measurement(values), [LIVE], NOW)
    assert snapshot.by_pod.get("serving/a", Quantity.ERROR_RATIO).value == 0.0
    assert not snapshot.by_pod.get("serving/b", Quantity.ERROR_RATIO).known


def test_what_an_engine_does_not_count_is_no_ratio_of_zero() -> None:
    values = {engine("a"): {Quantity.PREFIX_QUERIES: 100.0}}
    snapshot = Builder().build(kube([pod("a")], deployment()), measurement(values), [LIVE], NOW)
    for frame, key in ((snapshot.by_pod, "serving/a"), (snapshot.by_workload, CHAT)):
        assert not frame.get(key, Quantity.PREFIX_HIT_RATIO).known


def test_an_engine_that_does_not_count_hits_makes_those_of_the_others_no_rarer() -> None:
    values = {
        engine("a"): {Quantity.PREFIX_QUERIES: 900.0},
        engine("b"): {Quantity.PREFIX_QUERIES: 100.0, Quantity.PREFIX_HITS: 60.0},
    }
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), measurement(values), [LIVE], NOW)
    assert snapshot.by_workload.get(CHAT, Quantity.PREFIX_HIT_RATIO).value == pytest.approx(0.6)
    assert snapshot.by_workload.get(CHAT, Quantity.PREFIX_QUERIES).value == pytest.approx(1000.0)


def test_a_ratio_that_an_engine_tells_itself_stands_where_its_parts_do_not() -> None:
    values = {
        engine("a"): {Quantity.PREFIX_QUERIES: 100.0, Quantity.PREFIX_HIT_RATIO: 0.2},
        engine("b"): {Quantity.PREFIX_QUERIES: 100.0, Quantity.PREFIX_HITS: 60.0, Quantity.PREFIX_HIT_RATIO: 0.9},
    }
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), measurement(values), [LIVE], NOW)
    assert snapshot.by_pod.get("serving/a", Quantity.PREFIX_HIT_RATIO).value == pytest.approx(0.2)
    assert snapshot.by_pod.get("serving/b", Quantity.PREFIX_HIT_RATIO).value == pytest.approx(0.6)
