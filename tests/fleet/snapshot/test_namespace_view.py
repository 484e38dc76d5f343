"""A selected namespace: the rows that are left out, and the numbers that stay those of the cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleet.model.coverage import Coverage
from fleet.model.measurement import GpuId, Measurement
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Join, Snapshot
from fleet.snapshot.builder import Builder
from fleet.snapshot.namespace_view import Viewer
from fleet.sources.kube.state import KubeState
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, node, pod

BATCH: dict[str, Any] = {"namespace": "batch"}


def fleet(namespace: str = "", coverage: Coverage | None = None) -> KubeState:
    """A Deployment with one pod and two GPUs in each of two namespaces, on one node of four."""
    holds: dict[str, Any] = {"gpus": 2, "gpu_resource": "nvidia.com/gpu", "node": "n1"}
    pods = [pod("a", **holds), pod("b", "jobs", **BATCH, **holds)]
    state = kube(pods, [*deployment(), *deployment("jobs", **BATCH)], [node("n1", 4)])
    return replace(state, cluster=replace(state.cluster, namespace=namespace), coverage=coverage or Coverage())


def measured() -> Measurement:
    """Prometheus knows the engines and the GPUs of the whole cluster."""
    named = [("serving", "a"), ("serving", "a"), ("batch", "b"), ("batch", "b")]
    return measurement(
        {engine("a"): {Quantity.RUNNING: 1}, engine("b", "jobs", **BATCH): {Quantity.RUNNING: 2}},
        gpus={
            GpuId(f"GPU-{i}", "", "n1", str(i), namespace=place, pod=name): {Quantity.GPU_UTIL: 0.5}
            for i, (place, name) in enumerate(named)
        },
    )


def viewed(namespace: str, coverage: Coverage | None = None) -> Snapshot:
    return Viewer().view(Builder().build(fleet(namespace, coverage), measured(), [LIVE], NOW))


def test_a_view_shows_one_namespace_and_knows_the_whole() -> None:
    found = viewed("serving")
    assert (set(found.pods), set(found.workloads)) == ({"serving/a"}, {"serving/Deployment/chat"})
    assert (set(found.models), len(found.engines)) == ({"serving/llama"}, 1)
    assert set(found.everything.pods) == {"serving/a", "batch/b"}
    assert found.by_pod.value("serving/a", Quantity.RUNNING) == 1


def test_with_all_namespaces_in_view_nothing_is_left_out() -> None:
    found = viewed("")
    assert found.everything is found
    assert set(found.pods) == {"serving/a", "batch/b"}


def test_gpus_that_pods_out_of_view_hold_are_held() -> None:
    found = viewed("serving")
    assert found.free_gpus == {"n1": (0, 4)}
    assert {use.value for use in found.gpu_use.values()} == {"held"}


def test_what_is_out_of_view_is_not_unmatched() -> None:
    assert viewed("serving").unmatched == ()


@pytest.mark.parametrize("namespace", ["", "serving"])
def test_engines_of_a_namespace_whose_pods_may_not_be_listed_are_not_called_missing(namespace: str) -> None:
    hidden = Coverage(limited={"pods": ("serving",)})
    state = fleet(namespace, hidden)
    state = replace(state, pods={key: row for key, row in state.pods.items() if row.namespace == "serving"})
    whole = Builder().build(state, measured(), [LIVE], NOW)
    found = Viewer().view(whole)
    assert [
        unmatched for unmatched in found.unmatched if unmatched.join in (Join.METRICS_WITHOUT_POD, Join.GPU_WITHOUT_POD)
    ] == []
    assert whole.assessments["batch/b"] == (Severity.UNKNOWN, "its pods may not be listed")
    assert ("batch/b" in found.pods) is (namespace == "")


def test_an_engine_without_a_pod_in_a_namespace_that_is_seen_is_said() -> None:
    state = replace(fleet("serving"), pods={})
    found = Viewer().view(Builder().build(state, measured(), [LIVE], NOW))
    assert [
        (unmatched.join, unmatched.key) for unmatched in found.unmatched if unmatched.join is Join.METRICS_WITHOUT_POD
    ] == [(Join.METRICS_WITHOUT_POD, "serving/a#0@llama")]
    assert found.assessments["serving/a"].reason == "not seen in Kubernetes"


def test_a_view_is_made_once_for_as_long_as_nothing_comes_or_goes() -> None:
    builder, viewer = Builder(), Viewer()
    first = viewer.view(builder.build(fleet("serving"), measured(), [LIVE], NOW))
    second = viewer.view(builder.build(fleet("serving"), measured(), [LIVE], NOW + 2))
    assert second.pods is first.pods
    assert second.everything is not first.everything
    third = viewer.view(builder.build(fleet("batch"), measured(), [LIVE], NOW + 4))
    assert set(third.pods) == {"batch/b"}


def test_incidents_are_those_that_are_felt_in_view() -> None:
    both = measurement(
        {engine("a"): {}, engine("b", "jobs", **BATCH): {}},
        gpus={GpuId("GPU-0", "", "n1", "0", namespace="batch", pod="b"): {Quantity.XID: 79.0}},
    )

    def seen(namespace: str) -> list[str]:
        snapshot = Viewer().view(Builder().build(fleet(namespace), both, [LIVE], NOW))
        return [incident.root.key for incident in snapshot.incidents]

    assert seen("") == seen("batch") == ["GPU-0"]
    assert seen("serving") == []
