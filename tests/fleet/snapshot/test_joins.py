"""Joins between the three worlds, and the messages about unmatched objects."""

from __future__ import annotations

import math

from fleet.model.measurement import GpuId
from fleet.model.objects import ModelVersion
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Join
from fleet.snapshot.builder import Builder
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, node, pod

CHAT = "serving/Deployment/chat"
MODEL = "serving/llama"
EDGES = (0.1, 0.5, 1.0, math.inf)


def test_a_pod_belongs_to_the_deployment_at_the_top_and_to_the_model_that_its_engine_names() -> None:
    state = kube([pod("a"), pod("b")], deployment(desired=2))
    snapshot = Builder().build(state, measurement({engine("a"): {}, engine("b"): {}}), [LIVE], NOW)
    assert snapshot.workload_of == {"serving/a": CHAT, "serving/b": CHAT}
    assert snapshot.model_of == {CHAT: MODEL}
    assert snapshot.models[MODEL].workloads == (CHAT,)
    assert set(snapshot.workloads) == {CHAT}
    assert snapshot.unmatched == ()


def test_an_engine_without_pod_labels_is_joined_through_its_address() -> None:
    values = {engine("", namespace="", instance="10.0.0.7:8000"): {Quantity.RUNNING: 2.0}}
    snapshot = Builder().build(kube([pod("a", ip="10.0.0.7")], deployment()), measurement(values), [LIVE], NOW)
    assert snapshot.by_pod.get("serving/a", Quantity.RUNNING).value == 2.0
    assert snapshot.unmatched == ()


def test_engines_that_kubernetes_does_not_show_are_kept_and_named() -> None:
    m = measurement({engine("ghost-1"): {Quantity.RUNNING: 2.0}, engine("ghost-2"): {Quantity.RUNNING: 1.0}})
    snapshot = Builder().build(kube(), m, [LIVE], NOW)
    unseen = snapshot.workloads["serving/Unseen/llama"]
    assert unseen.desired == 2
    assert snapshot.by_workload.get(unseen.key, Quantity.RUNNING).value == 3.0
    assert {(x.join, x.key) for x in snapshot.unmatched} == {
        (Join.METRICS_WITHOUT_POD, "serving/ghost-1#0@llama"),
        (Join.METRICS_WITHOUT_POD, "serving/ghost-2#0@llama"),
    }
    assert snapshot.assessments["serving/ghost-1"].severity is Severity.UNKNOWN
    assert snapshot.assessments[unseen.key].severity is Severity.UNKNOWN


def test_gpus_are_joined_to_pods_and_nodes_and_what_is_free_is_counted() -> None:
    held = GpuId("GPU-1", "", "n1.example", "0", "serving", "a")
    free = GpuId("GPU-2", "", "n1", "1")
    lost = GpuId("GPU-3", "", "n1", "2", "serving", "gone")
    m = measurement({engine("a"): {}}, gpus={held: {Quantity.GPU_UTIL: 0.9}, free: {Quantity.GPU_UTIL: 0.0}, lost: {}})
    state = kube([pod("a", node="n1", gpus=1)], deployment(), [node("n1", 4)])
    snapshot = Builder().build(state, m, [LIVE], NOW)
    assert snapshot.gpus_of == {"serving/a": ("GPU-1",)}
    assert set(snapshot.gpus_on["n1"]) == {"GPU-1", "GPU-2", "GPU-3"}
    assert snapshot.free_gpus == {"n1": (3, 4)}
    assert snapshot.by_pod.get("serving/a", Quantity.GPU_UTIL).value == 0.9
    assert {x.key: x.detail for x in snapshot.unmatched if x.join is Join.GPU_WITHOUT_POD} == {
        "GPU-2": "free",
        "GPU-3": "the exporter names serving/gone, which is not in the cluster",
    }


def test_a_card_that_pods_share_belongs_to_each_of_them_and_counts_once_for_what_is_above_them() -> None:
    card = GpuId("GPU-1", "", "n1", "0", "serving", "a", sharers=(("serving", "b"),))
    m = measurement({engine("a"): {}, engine("b"): {}}, gpus={card: {Quantity.GPU_POWER: 400.0}})
    state = kube([pod(name, node="n1", gpus=1) for name in ("a", "b")], deployment(desired=2), [node("n1", 4)])
    snapshot = Builder().build(state, m, [LIVE], NOW)
    assert snapshot.gpus_of == {"serving/a": ("GPU-1",), "serving/b": ("GPU-1",)}
    assert snapshot.gpus_on == {"n1": ("GPU-1",)}
    assert [snapshot.by_pod.value(f"serving/{name}", Quantity.GPU_POWER) for name in ("a", "b")] == [400, 400]
    assert snapshot.by_workload.value("serving/Deployment/chat", Quantity.GPU_POWER) == 400
    assert not snapshot.unmatched


PARTS = ((1, "1", "a"), (1, "2", "a"), (1, "3", "b"), (2, "1", "b"))
"""Parts of two cards: (card, part, pod)."""


def test_what_is_of_a_whole_card_counts_once_for_all_its_parts() -> None:
    parts = [GpuId(f"GPU-{card}", part, "n1", str(card), "serving", name) for card, part, name in PARTS]
    numbers = {
        part: {Quantity.GPU_POWER: 300.0 + 100 * (part.uuid == "GPU-2"), Quantity.GPU_MEMORY_USED: 10.0}
        for part in parts
    }
    m = measurement({engine("a"): {}, engine("b"): {}}, gpus=numbers)
    state = kube([pod(name, node="n1", gpus=2) for name in ("a", "b")], deployment(desired=2), [node("n1", 4)])
    snapshot = Builder().build(state, m, [LIVE], NOW)

    def of(quantity: Quantity) -> list[float]:
        pods = [snapshot.by_pod.value(f"serving/{name}", quantity) for name in ("a", "b")]
        return [*pods, snapshot.by_workload.value("serving/Deployment/chat", quantity)]

    assert of(Quantity.GPU_POWER) == [300, 700, 700], "a has two parts of one card, b one of each"
    assert of(Quantity.GPU_MEMORY_USED) == [20, 20, 40], "memory is of the part"
    assert [snapshot.by_gpu.value(part.key, Quantity.GPU_POWER) for part in parts] == [300, 300, 300, 400]


def test_a_gpu_whose_holder_nobody_names_is_not_called_free() -> None:
    m = measurement({engine("a"): {}}, gpus={GpuId(f"GPU-{i}", "", "n1", str(i)): {} for i in range(2)})
    state = kube([pod("a", node="n1", gpus=2)], deployment(), [node("n1", 2)])
    unmatched = Builder().build(state, m, [LIVE], NOW).unmatched
    assert {x.key: x.detail for x in unmatched if x.join is Join.GPU_WITHOUT_POD} == dict.fromkeys(
        ("GPU-0", "GPU-1"), "held by a pod that its exporter does not name"
    )
    assert Join.POD_WITHOUT_GPU_METRICS in {x.join for x in unmatched}


def test_an_exporter_that_calls_its_host_by_its_own_name_is_on_its_node() -> None:
    m = measurement(gpus={GpuId("GPU-1", "", "dcgm-exporter-x7k2p", "0"): {}})
    exporter = pod("dcgm-exporter-x7k2p", node="n1", labels={"app": "nvidia-dcgm-exporter"})
    snapshot = Builder().build(kube([exporter], nodes=[node("n1")]), m, [LIVE], NOW)
    assert snapshot.gpus_on == {"n1": ("GPU-1",)}


def test_a_terminating_pod_still_holds_its_gpus() -> None:
    state = kube([pod("a", node="n1", gpus=4, deleted=NOW)], deployment(), [node("n1", 8)])
    assert Builder().build(state, None, [LIVE], NOW).free_gpus == {"n1": (4, 8)}


def test_the_structure_is_reused_until_something_comes_or_goes() -> None:
    builder = Builder()
    m = measurement({engine("a"): {Quantity.RUNNING: 1.0}})
    state = kube([pod("a")], deployment())
    first = builder.build(state, m, [LIVE], NOW)
    second = builder.build(state, m, [LIVE], NOW + 1)
    assert second.workloads is first.workloads
    assert second.by_pod.index is first.by_pod.index
    third = builder.build(kube([pod("a"), pod("b")], deployment(), generation=2), m, [LIVE], NOW + 2)
    assert "serving/b" in third.pods
    assert "serving/b" not in second.pods


def test_the_pods_of_a_model_that_two_workloads_serve_are_named_so_that_they_can_be_told_apart() -> None:
    builder = Builder()
    m = measurement({engine("a"): {}, engine("b"): {}, engine("c", model="other"): {}})
    pods = [pod("a"), pod("b", "canary"), pod("c", "alone")]
    state = kube(pods, [*deployment(), *deployment("canary"), *deployment("alone")])
    assert builder.shared() == frozenset()
    builder.build(state, m, [LIVE], NOW)
    assert builder.shared() == {"serving/a", "serving/b"}


def test_before_anything_is_measured_nothing_has_failed_to_be_joined() -> None:
    builder, version = Builder(), ModelVersion(served_name="llama")
    state = kube([pod("a", version=version, node="n1", gpus=1)], deployment(), [node("n1")])
    assert builder.build(state, None, [LIVE], NOW).unmatched == ()
    found = builder.build(state, measurement(), [LIVE], NOW + 1).unmatched
    assert [(x.join, x.key) for x in found] == [(Join.POD_WITHOUT_METRICS, "serving/a")]


def test_engines_that_are_called_the_same_are_one_row_and_the_next_engine_has_its_own_numbers() -> None:
    """A process that names no model is named after its pod, in which another one names the same model."""
    both = pod("a", version=ModelVersion(served_name="llama"))
    loads = {engine("a", model=""): 1.0, engine("a"): 2.0, engine("b"): 5.0}
    m = measurement({one: {Quantity.RUNNING: load} for one, load in loads.items()})
    snapshot = Builder().build(kube([both, pod("b")], deployment(desired=2)), m, [LIVE], NOW)
    assert snapshot.engines_of == {"serving/a": ("serving/a#0@llama",), "serving/b": ("serving/b#0@llama",)}
    assert snapshot.by_engine.value("serving/a#0@llama", Quantity.RUNNING) == 3.0
    assert snapshot.by_engine.value("serving/b#0@llama", Quantity.RUNNING) == 5.0


def test_of_a_gpu_that_two_exporters_tell_of_the_last_says_and_the_next_gpu_has_its_own_numbers() -> None:
    gpus = [GpuId("GPU-1", "", "n1", "0"), GpuId("GPU-1", "", "n1", "0", model="H200"), GpuId("GPU-2", "", "n1", "1")]
    heat = [60.0, 61.0, 90.0]
    m = measurement(gpus={gpu: {Quantity.GPU_TEMPERATURE: celsius} for gpu, celsius in zip(gpus, heat, strict=True)})
    snapshot = Builder().build(kube(nodes=[node("n1", 2)]), m, [LIVE], NOW)
    assert snapshot.by_gpu.keys == ("GPU-1", "GPU-2")
    assert [snapshot.by_gpu.value(key, Quantity.GPU_TEMPERATURE) for key in snapshot.by_gpu.keys] == [61.0, 90.0]
    assert snapshot.assessments["GPU-2"] == (Severity.WARNING, "90 °C")
    assert snapshot.assessments["GPU-1"].severity is Severity.OK
