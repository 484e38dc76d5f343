"""Objects that no controller could act on are refused, with the field that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.api.shapes import misshapen
from tests.simulator.fleet_support import Watched

CONTAINER: dict[str, Any] = {"name": "web", "image": "nginx"}


def template(**pod: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [CONTAINER]} | pod}


def deployment(**spec: Any) -> dict[str, Any]:
    return {"selector": {"matchLabels": {"app": "web"}}, "template": template()} | spec


def metric(average: object) -> dict[str, Any]:
    return {"type": "Pods", "pods": {"metric": {"name": "x"}, "target": {"averageValue": average}}}


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        ("Deployment", None, "spec"),
        ("Deployment", deployment(template=None), "spec.template"),
        ("Deployment", deployment(selector=None), "spec.selector"),
        ("Deployment", deployment(replicas="3"), "spec.replicas"),
        ("Deployment", deployment(replicas=True), "spec.replicas"),
        ("Deployment", deployment(template=template(containers=[])), "spec.template.spec.containers"),
        ("Deployment", deployment(template=template(containers={})), "spec.template.spec.containers"),
        (
            "Deployment",
            deployment(template=template(containers=[{"name": "a"}])),
            "spec.template.spec.containers[0].image",
        ),
        ("Deployment", deployment(template=template(nodeSelector={"a": 1})), "spec.template.spec.nodeSelector.a"),
        (
            "Deployment",
            deployment(strategy={"rollingUpdate": {"maxSurge": "much"}}),
            "spec.strategy.rollingUpdate.maxSurge",
        ),
        ("StatefulSet", deployment(ordinals={"start": "0"}), "spec.ordinals.start"),
        ("LeaderWorkerSet", {"replicas": 1}, "spec.leaderWorkerTemplate"),
        ("Pod", {"containers": [CONTAINER | {"args": "a"}]}, "spec.containers[0].args"),
        ("Service", {"selector": {"a": "b"}, "ports": [{"name": "http"}]}, "spec.ports[0].port"),
        ("PodDisruptionBudget", {"minAvailable": "half"}, "spec.minAvailable"),
        ("HorizontalPodAutoscaler", {"scaleTargetRef": {"kind": "Deployment", "name": "a"}}, "spec.maxReplicas"),
        (
            "HorizontalPodAutoscaler",
            {"scaleTargetRef": {"kind": "Deployment", "name": "a"}, "maxReplicas": 3, "metrics": [metric("0")]},
            "spec.metrics[0].pods.target.averageValue",
        ),
        ("ScaledObject", {"scaleTargetRef": {"name": "a"}, "triggers": []}, "spec.triggers"),
        ("Node", {"taints": [{"key": "a"}]}, "spec.taints[0].effect"),
    ],
)
def test_the_field_that_is_wrong(kind: str, spec: dict[str, Any] | None, field: str) -> None:
    obj = {"metadata": {"name": "a"}} | ({"spec": spec} if spec is not None else {})
    assert [where for where, _ in misshapen(kind, obj)] == [field]


def test_labels_are_text() -> None:
    obj = {"metadata": {"labels": {"a": 1}}, "data": {}}
    assert list(misshapen("ConfigMap", obj)) == [("metadata.labels.a", "Invalid value: 1: must be string")]


def test_what_the_fleet_is_made_of_is_in_shape() -> None:
    for obj in Watched().everything():
        assert list(misshapen(obj["kind"], obj)) == [], obj["metadata"]["name"]


def test_numbers_and_shares_and_quantities_are_in_shape() -> None:
    limits = {"nvidia.com/gpu": 2, "memory": "1.5Gi", "cpu": "250m"}
    whole = deployment(
        replicas=0,
        strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}},
        template=template(containers=[CONTAINER | {"resources": {"limits": limits}}]),
    )
    assert list(misshapen("Deployment", {"metadata": {}, "spec": whole})) == []
    autoscaler = {"scaleTargetRef": {"kind": "Deployment", "name": "a"}, "maxReplicas": 3, "metrics": [metric("500m")]}
    assert list(misshapen("HorizontalPodAutoscaler", {"metadata": {}, "spec": autoscaler})) == []
