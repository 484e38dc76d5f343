"""Aggregation of engines' values for pods, workloads and models, and the result if there are none."""

from __future__ import annotations

import math

import pytest

from fleet.model.histogram import Histogram
from fleet.model.measurement import GpuId, HistogramKey
from fleet.model.quantity import Family, Quantity
from fleet.model.reading import Bound, State
from fleet.snapshot.builder import Builder
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, pod

CHAT = "serving/Deployment/chat"
MODEL = "serving/llama"
EDGES = (0.1, 0.5, 1.0, math.inf)


def group(pod_name: str, number: str = "0", model: str = "llama") -> HistogramKey:
    return HistogramKey("serving", model, pod_name, number)


def test_counts_add_up_and_the_fullest_engine_speaks_for_its_pod() -> None:
    ranks = {
        engine("a", number="0"): {Quantity.RUNNING: 3.0, Quantity.KV_USAGE: 0.2},
        engine("a", number="1"): {Quantity.RUNNING: 5.0, Quantity.KV_USAGE: 0.9},
        engine("b", number="0"): {Quantity.RUNNING: 1.0, Quantity.KV_USAGE: 0.4},
    }
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment(desired=2)), measurement(ranks), [LIVE], NOW)
    assert snapshot.by_pod.get("serving/a", Quantity.RUNNING).value == 8.0
    assert snapshot.by_pod.get("serving/a", Quantity.KV_USAGE).value == 0.9
    assert snapshot.by_workload.get(CHAT, Quantity.RUNNING).value == 9.0
    assert snapshot.by_workload.get(CHAT, Quantity.KV_USAGE).value == pytest.approx(0.5)
    assert snapshot.by_model.get(MODEL, Quantity.RUNNING).value == 9.0


def test_a_missing_value_is_missing_and_never_zero() -> None:
    values = {engine("a"): {Quantity.RUNNING: 3.0}, engine("b"): {Quantity.WAITING: 1.0}}
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), measurement(values), [LIVE], NOW)
    reading = snapshot.by_pod.get("serving/a", Quantity.WAITING)
    assert (reading.state, reading.known) == (State.MISSING, False)
    assert snapshot.by_workload.get(CHAT, Quantity.WAITING).value == 1.0
    assert snapshot.by_pod.get("serving/nobody", Quantity.WAITING).state is State.MISSING


def test_without_any_measurement_every_value_is_unknown() -> None:
    snapshot = Builder().build(kube([pod("a")], deployment()), None, [LIVE], NOW)
    assert snapshot.by_pod.get("serving/a", Quantity.RUNNING).state is State.UNKNOWN
    assert snapshot.by_workload.get(CHAT, Quantity.TTFT_P95).state is State.UNKNOWN


def test_percentiles_merge_buckets_so_one_slow_idle_pod_does_not_fake_a_tail() -> None:
    parts = {
        group("a"): Histogram(EDGES, (990.0, 1000.0, 1000.0, 1000.0)),
        group("b"): Histogram(EDGES, (0.0, 0.0, 1.0, 1.0)),
    }
    m = measurement({engine("a"): {}, engine("b"): {}}, {Family.TTFT: parts})
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), m, [LIVE], NOW)
    assert snapshot.by_pod.get("serving/b", Quantity.TTFT_P99).value == pytest.approx(0.995)
    reading = snapshot.by_workload.get(CHAT, Quantity.TTFT_P95)
    assert (reading.bound, reading.edge) == (Bound.AT_MOST, 0.1)
    assert reading.value == pytest.approx(0.1 * 0.95 * 1001 / 990)
    assert snapshot.by_model.get(MODEL, Quantity.TTFT_P99).value == pytest.approx(0.1 + 0.4 * (0.99 * 1001 - 990) / 10)


def test_a_workload_without_all_its_pods_takes_the_percentile_of_its_model() -> None:
    whole = {
        HistogramKey("serving", "llama"): Histogram(EDGES, (0.0, 10.0, 10.0, 10.0)),
        group("a"): Histogram(EDGES, (1.0, 1.0, 1.0, 1.0)),
    }
    m = measurement({engine("a"): {}, engine("b"): {}}, {Family.TTFT: whole})
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), m, [LIVE], NOW)
    assert snapshot.by_workload.get(CHAT, Quantity.TTFT_P50).value == pytest.approx(0.3)
    assert not snapshot.by_pod.get("serving/b", Quantity.TTFT_P50).known


def test_two_workloads_of_one_model_do_not_pass_off_the_model_as_their_own() -> None:
    m = measurement(
        {engine("a"): {}, engine("b"): {}},
        {Family.TTFT: {HistogramKey("serving", "llama"): Histogram(EDGES, (0.0, 10.0, 10.0, 10.0))}},
    )
    state = kube([pod("a"), pod("b", "canary")], [*deployment(), *deployment("canary")])
    snapshot = Builder().build(state, m, [LIVE], NOW)
    assert snapshot.models[MODEL].workloads == (CHAT, "serving/Deployment/canary")
    assert not snapshot.by_workload.get(CHAT, Quantity.TTFT_P50).known
    assert snapshot.by_model.get(MODEL, Quantity.TTFT_P50).known


def test_part_of_what_there_is_is_no_total() -> None:
    cards = {GpuId(f"GPU-{i}", "", "n1", str(i), "serving", "a"): {Quantity.GPU_UTIL: 0.5} for i in (0, 1)}
    cards[min(cards)] |= {Quantity.GPU_MEMORY_TOTAL: 80.0, Quantity.GPU_MEMORY_USED: 60.0}
    cards[max(cards)] |= {Quantity.GPU_MEMORY_USED: 30.0}
    m = measurement({engine("a"): {}}, gpus=cards)
    frame = Builder().build(kube([pod("a", node="n1", gpus=2)], deployment()), m, [LIVE], NOW).by_pod
    assert frame.value("serving/a", Quantity.GPU_MEMORY_USED) == 90
    assert math.isnan(frame.value("serving/a", Quantity.GPU_MEMORY_TOTAL))


def test_focus_limits_the_percentiles_of_pods_but_not_of_workloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.snapshot.frames.FOCUS_ALL_BELOW", 1)
    parts = {group(name): Histogram(EDGES, (0.0, 1.0, 1.0, 1.0)) for name in "ab"}
    m = measurement({engine("a"): {}, engine("b"): {}}, {Family.TTFT: parts})
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), m, [LIVE], NOW, frozenset({"serving/b"}))
    assert not snapshot.by_pod.get("serving/a", Quantity.TTFT_P95).known
    assert snapshot.by_pod.get("serving/b", Quantity.TTFT_P95).known
    assert snapshot.by_workload.get(CHAT, Quantity.TTFT_P95).known


def test_a_pod_that_has_just_started_does_not_take_the_percentile_from_its_workload() -> None:
    old = Histogram(EDGES, (0.0, 10.0, 10.0, 10.0))
    m = measurement({engine("a"): {}, engine("new"): {}}, {Family.TTFT: {group("a"): old}})
    snapshot = Builder().build(kube([pod("a"), pod("new")], deployment(desired=2)), m, [LIVE], NOW)
    assert snapshot.by_workload.get(CHAT, Quantity.TTFT_P50).value == pytest.approx(0.3)
    assert snapshot.by_model.get(MODEL, Quantity.TTFT_P50).value == pytest.approx(0.3)
