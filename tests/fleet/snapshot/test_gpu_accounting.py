"""Free GPUs: those that the cluster's accounting leaves, no matter what an exporter names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fleet.model.coverage import Coverage
from fleet.model.measurement import GpuId
from fleet.model.quantity import Quantity
from fleet.model.snapshot import GpuUse, Join, Snapshot
from fleet.snapshot.builder import Builder
from tests.fleet.rows import LIVE, NOW, deployment, kube, measurement, node, pod


def snapshot(
    held: Mapping[str, int], devices: int, *, named: Mapping[int, str] | None = None, coverage: Coverage | None = None
) -> Snapshot:
    """One node of eight GPUs: pods with so many of them, and an exporter of ``devices``, some of which name a pod."""
    pods = [pod(name, gpus=gpus, node="n1", gpu_resource="nvidia.com/gpu") for name, gpus in held.items()]
    state = replace(kube(pods, deployment(), [node("n1", 8)]), coverage=coverage or Coverage())
    names = named or {}
    gpus = {
        GpuId(f"GPU-{i}", "", "n1", str(i), namespace="serving" if i in names else "", pod=names.get(i, "")): {
            Quantity.GPU_UTIL: 0.5
        }
        for i in range(devices)
    }
    return Builder().build(state, measurement(gpus=gpus), [LIVE], NOW)


def used(found: Snapshot) -> list[GpuUse]:
    return [found.use_of(f"GPU-{i}") for i in range(len(found.gpus))]


def test_gpus_of_a_node_on_which_nothing_is_held_are_free() -> None:
    found = snapshot({}, 8)
    assert used(found) == [GpuUse.FREE] * 8
    assert found.free_gpus == {"n1": (8, 8)}


def test_gpus_that_an_exporter_names_no_pod_on_are_held_where_the_node_has_none_left() -> None:
    found = snapshot({"a": 4, "b": 4}, 8)
    assert used(found) == [GpuUse.UNNAMED] * 8
    assert found.free_gpus == {"n1": (0, 8)}
    assert {unmatched.detail for unmatched in found.unmatched if unmatched.join is Join.GPU_WITHOUT_POD} == {
        "held by a pod that its exporter does not name"
    }


def test_where_some_are_held_and_nobody_says_which_none_is_called_free() -> None:
    found = snapshot({"a": 4}, 8)
    assert used(found) == [GpuUse.UNKNOWN] * 8
    assert found.free_gpus == {"n1": (4, 8)}, "how many are is known all the same"


def test_the_gpus_that_are_left_when_every_holder_is_named_are_free() -> None:
    found = snapshot({"a": 2}, 4, named={0: "a", 1: "a"})
    assert used(found) == [GpuUse.HELD, GpuUse.HELD, GpuUse.FREE, GpuUse.FREE]


def test_a_holder_that_is_named_on_half_of_its_gpus_leaves_the_others_open() -> None:
    found = snapshot({"a": 4}, 8, named={0: "a", 1: "a"})
    assert used(found) == [GpuUse.HELD] * 2 + [GpuUse.UNKNOWN] * 6


def test_a_gpu_that_the_node_does_not_offer_is_not_free() -> None:
    """Nine devices, eight of which the device plugin offers: one is sick, and nobody says which."""
    assert set(used(snapshot({}, 9))) == {GpuUse.UNKNOWN}


def test_with_pods_that_may_not_be_seen_nothing_is_called_free() -> None:
    found = snapshot({}, 8, coverage=Coverage(limited={"pods": ("serving",)}))
    assert found.free_gpus == {}
    assert set(used(found)) == {GpuUse.UNKNOWN}


def test_before_all_pods_are_listed_nothing_is_called_free() -> None:
    found = snapshot({"a": 2}, 8, coverage=Coverage(pending=frozenset({"pods"})))
    assert found.free_gpus == {}
    assert set(used(found)) == {GpuUse.UNKNOWN}
