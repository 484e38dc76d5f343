"""Several served names in one workload: every row's percentiles are of the requests that its sums count."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from actions.planning.impact import served_by, serving
from fleet.model.histogram import Histogram
from fleet.model.measurement import HistogramKey
from fleet.model.quantity import Family, Quantity
from fleet.model.snapshot import Snapshot
from fleet.snapshot.builder import Builder
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, pod

EDGES = (0.1, 1.0, 10.0, math.inf)
FAST, SLOW = Histogram(EDGES, (100.0, 100.0, 100.0, 100.0)), Histogram(EDGES, (0.0, 0.0, 100.0, 100.0))
"""A hundred requests of less than 0.1 s, and a hundred of 1 to 10 s."""
CHAT, CANARY = "serving/Deployment/chat", "serving/Deployment/canary"


def rollout(
    histograms: dict[HistogramKey, Histogram], others: Sequence[str] = (), names: dict[str, str] | None = None
) -> Snapshot:
    """A Deployment whose served name goes from v1 (a, b) to v2 (c); ``others`` are pods of a second that serves v2."""
    served = {"a": "v1", "b": "v1", "c": "v2"} | dict.fromkeys(others, "v2") | (names or {})
    running = {"a": 100.0, "b": 30.0, "c": 2.0}
    m = measurement(
        {engine(name, model): {Quantity.RUNNING: running.get(name, 7.0)} for name, model in served.items()},
        {Family.TTFT: histograms},
        source="prometheus",
    )
    pods = [pod(name, "canary" if name in others else "chat") for name in served]
    return Builder().build(kube(pods, [*deployment(desired=3), *deployment("canary")]), m, [LIVE], NOW)


def of_model(name: str) -> HistogramKey:
    return HistogramKey("serving", name)


def test_a_model_counts_the_engines_that_serve_it_and_no_others() -> None:
    found = rollout({of_model("v1"): FAST, of_model("v2"): SLOW})
    assert found.by_model.value("serving/v1", Quantity.RUNNING) == 130
    assert found.by_model.value("serving/v2", Quantity.RUNNING) == 2
    assert found.by_workload.value(CHAT, Quantity.RUNNING) == 132
    assert found.model_of[CHAT] == "serving/v1", "the one that most of its engines serve"
    assert found.models["serving/v2"].workloads == (CHAT,)


def test_a_workload_that_serves_two_models_alone_has_the_percentile_of_both() -> None:
    found = rollout({of_model("v1"): FAST, of_model("v2"): SLOW})
    assert found.by_model.value("serving/v1", Quantity.TTFT_P95) < 0.1
    assert found.by_model.value("serving/v2", Quantity.TTFT_P95) > 1
    assert found.by_workload.value(CHAT, Quantity.TTFT_P95) > 1, "half of all its requests took longer than a second"
    assert found.by_workload.value(CHAT, Quantity.TTFT_P50) <= 0.1


def test_where_another_workload_serves_one_of_its_models_only_its_own_pods_can_tell() -> None:
    models = {of_model("v1"): FAST, of_model("v2"): SLOW}
    found = rollout(models, ["d"])
    assert not found.by_workload.get(CHAT, Quantity.TTFT_P95).known
    assert not found.by_workload.get(CANARY, Quantity.TTFT_P95).known
    pods = {HistogramKey("serving", pod=name): FAST for name in ("a", "b", "c")} | {
        HistogramKey("serving", pod="d"): SLOW
    }
    snapshot = rollout(models | pods, ["d"])
    assert snapshot.by_workload.value(CHAT, Quantity.TTFT_P95) < 0.1
    assert snapshot.by_workload.value(CANARY, Quantity.TTFT_P95) > 1


def test_all_pods_of_workloads_that_share_a_model_are_asked_for() -> None:
    builder = Builder()
    m = measurement({engine("a", "v1"): {}, engine("c", "v2"): {}, engine("d", "v2"): {}})
    pods = [pod("a"), pod("c"), pod("d", "canary")]
    builder.build(kube(pods, [*deployment(desired=2), *deployment("canary")]), m, [LIVE], NOW)
    assert builder.shared() == {"serving/a", "serving/c", "serving/d"}


def test_two_names_in_one_pod_are_told_apart_where_the_source_names_them_and_not_guessed_where_it_does_not() -> None:
    engines = {engine("a", "base"): {Quantity.RUNNING: 3.0}, engine("a", "lora"): {Quantity.RUNNING: 4.0}}
    state = kube([pod("a")], deployment())
    named = {HistogramKey("serving", "base", "a", "0"): FAST, HistogramKey("serving", "lora", "a", "0"): SLOW}
    found = Builder().build(state, measurement(engines, {Family.TTFT: named}), [LIVE], NOW)
    assert found.by_model.value("serving/base", Quantity.TTFT_P95) < 0.1
    assert found.by_model.value("serving/lora", Quantity.TTFT_P95) > 1
    assert found.by_model.value("serving/lora", Quantity.RUNNING) == 4
    assert found.by_workload.value(CHAT, Quantity.RUNNING) == 7
    mixed = {HistogramKey("serving", pod="a"): FAST}
    unnamed = Builder().build(state, measurement(engines, {Family.TTFT: mixed}), [LIVE], NOW)
    assert not unnamed.by_model.get("serving/base", Quantity.TTFT_P95).known
    assert unnamed.by_workload.value(CHAT, Quantity.TTFT_P95) < 0.1


@pytest.mark.parametrize(("model", "pods"), [("serving/v1", ["serving/a", "serving/b"]), ("serving/v2", ["serving/c"])])
def test_a_plan_counts_the_pods_that_answer_for_a_name(model: str, pods: list[str]) -> None:
    found = rollout({})
    assert serving(found, model) == pods
    assert all(served_by(found, key) == {model} for key in pods)
