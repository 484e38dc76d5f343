"""Ages of values, the trust that follows, and the drawing of earlier values."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace

import pytest

from fleet.model.measurement import HistogramKey
from fleet.model.past import Past
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.snapshot.builder import Builder
from fleet.snapshot.history import RecentHistory
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, pod

CHAT = "serving/Deployment/chat"
MODEL = "serving/llama"
EDGES = (0.1, 0.5, 1.0, math.inf)


def group(pod_name: str, number: str = "0", model: str = "llama") -> HistogramKey:
    return HistogramKey("serving", model, pod_name, number)


@pytest.mark.parametrize(("silence", "state"), [(0, State.FRESH), (20, State.STALE), (400, State.UNKNOWN)])
def test_silence_ages_every_value(silence: float, state: State) -> None:
    m = measurement({engine("a"): {Quantity.RUNNING: 2.0}})
    reading = (
        Builder()
        .build(kube([pod("a")], deployment()), m, [LIVE], NOW + silence)
        .by_pod.get("serving/a", Quantity.RUNNING)
    )
    assert reading.state is state
    assert reading.age == pytest.approx(silence)


@pytest.mark.parametrize(("back", "state"), [(2, State.FRESH), (11, State.STALE), (3600, State.STALE)])
def test_what_was_measured_before_the_clock_was_set_back_is_not_fresh_until_it_has_come_that_far_again(
    back: float, state: State
) -> None:
    builder, objects = Builder(), kube([pod("a")], deployment())
    m = measurement({engine("a"): {Quantity.RUNNING: 2.0}})
    builder.build(objects, m, [LIVE], NOW)
    for now in (NOW - back, NOW - back + 0.5):
        reading = builder.build(objects, m, [LIVE], now).by_pod.get("serving/a", Quantity.RUNNING)
        assert (reading.value, reading.state, reading.age) == (2.0, state, 0.0)
    anew = replace(m, at=NOW - back)
    assert builder.build(objects, anew, [LIVE], now).by_pod.get("serving/a", Quantity.RUNNING).state is State.FRESH


@pytest.mark.parametrize(("silence", "state"), [(4, State.FRESH), (9, State.FRESH), (11, State.STALE)])
def test_what_is_scraped_every_second_is_not_stale_for_one_target_that_hangs(silence: float, state: State) -> None:
    m = measurement({engine("a"): {Quantity.RUNNING: 2.0}}, interval=1.0)
    snapshot = Builder().build(kube([pod("a")], deployment()), m, [LIVE], NOW + silence)
    assert snapshot.by_pod.get("serving/a", Quantity.RUNNING).state is state


def test_one_old_target_is_stale_while_the_others_are_fresh() -> None:
    m = measurement({engine("a"): {Quantity.RUNNING: 2.0}, engine("b"): {Quantity.RUNNING: 1.0}})
    m = replace(m, engine_table=replace(m.engine_table, ages=array("d", [0.0, 100.0])))
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), m, [LIVE], NOW)
    assert snapshot.by_pod.get("serving/a", Quantity.RUNNING).state is State.FRESH
    assert snapshot.by_pod.get("serving/b", Quantity.RUNNING).state is State.STALE


def test_a_restart_marks_the_pod_and_not_the_workload() -> None:
    m = measurement({engine("a"): {Quantity.REQUESTS: 2.0}, engine("b"): {Quantity.REQUESTS: 1.0}})
    m = replace(m, engine_table=replace(m.engine_table, reset=frozenset({1})))
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), m, [LIVE], NOW)
    assert snapshot.by_pod.get("serving/b", Quantity.REQUESTS).state is State.RESET
    assert snapshot.by_workload.get(CHAT, Quantity.REQUESTS).state is State.FRESH


def test_history_draws_what_was_and_leaves_gaps_where_nothing_was_known() -> None:
    builder = Builder(RecentHistory(step=15, points=10))
    state = kube([pod("a")], deployment())
    for at, waiting in ((0, 1.0), (15, 2.0), (45, 4.0)):
        m = measurement({engine("a"): {Quantity.WAITING: waiting}}, at=NOW + at)
        snapshot = builder.build(state, m, [LIVE], NOW + at)
    strip = snapshot.history.strip(CHAT, Quantity.WAITING, 10)
    assert strip[:2] == (1.0, 2.0)
    assert math.isnan(strip[2])
    assert strip[3:] == (4.0,)
    stale = builder.build(state, m, [LIVE], NOW + 90).history.strip("serving/a", Quantity.WAITING, 10)
    assert math.isnan(stale[-1])


def test_in_another_cluster_a_history_begins_anew() -> None:
    """A recording may go on in another cluster, with objects of the same names."""
    builder = Builder(RecentHistory(step=15, points=10))
    here = kube([pod("a")], deployment())
    there = replace(here, cluster=replace(here.cluster, server="https://elsewhere"))
    for at, state, waiting in ((0, here, 1.0), (15, here, 2.0), (30, there, 4.0)):
        m = measurement({engine("a"): {Quantity.WAITING: waiting}}, at=NOW + at)
        snapshot = builder.build(state, m, [LIVE], NOW + at)
    assert snapshot.history.strip(CHAT, Quantity.WAITING, 10) == (4.0,)


@pytest.mark.parametrize("skew", [0.0, 0.01, 600.0, -600.0])
def test_what_prometheus_remembers_is_drawn_at_the_consoles_own_time_whatever_its_clock_says(skew: float) -> None:
    builder = Builder(RecentHistory(step=15, points=10))
    m = measurement({engine("a"): {Quantity.WAITING: 9.0}})
    state = kube([pod("a")], deployment())
    builder.build(state, m, [LIVE], NOW)
    points = tuple((NOW + skew - 15 * back + 1, float(9 - back)) for back in (3, 2, 1))
    builder.remember([Past(Quantity.WAITING, points, group=group("a"))], skew)
    snapshot = builder.build(state, m, [LIVE], NOW + 1)
    assert snapshot.history.strip("serving/a", Quantity.WAITING, 10) == (6.0, 7.0, 8.0, 9.0)
    assert snapshot.history.strip(CHAT, Quantity.WAITING, 10) == (6.0, 7.0, 8.0, 9.0)


def test_strips_are_forgotten_when_an_address_leads_to_another_cluster() -> None:
    builder, strip = Builder(), ("serving/a", Quantity.RUNNING, 4)

    def at(uid: str, now: float) -> tuple[float, ...]:
        state = kube([pod("a")], deployment())
        state = replace(state, cluster=replace(state.cluster, uid=uid))
        measured = measurement({engine("a"): {Quantity.RUNNING: now - NOW}}, at=now)
        return builder.build(state, measured, (LIVE,), now).history.strip(*strip)

    assert at("", NOW) == (0.0,)
    assert at("uid-1", NOW + 15) == (0.0, 15.0), "not known is not another"
    assert at("uid-1", NOW + 30) == (0.0, 15.0, 30.0)
    assert at("uid-2", NOW + 45) == (45.0,)
