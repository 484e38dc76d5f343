"""HorizontalPodAutoscalers against people who scale by hand, and KEDA's ScaledObjects."""

from __future__ import annotations

from typing import Any

from tests.simulator.fleet_support import Watched, only, patch, reason


def deployment(fleet: Watched, name: str) -> dict[str, Any]:
    return fleet.apps("Deployment", "serving", name)


def replicas(fleet: Watched, name: str) -> int:
    return int(deployment(fleet, name)["spec"]["replicas"])


def hpa(fleet: Watched, name: str = "chat-8b") -> dict[str, Any]:
    found = fleet.store.get("autoscaling/v2", "HorizontalPodAutoscaler", "serving", name)
    assert found is not None
    return found


def test_it_keeps_its_bounds() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    patch(fleet, deployment(fleet, "chat-8b"), replicas=8)
    fleet.run(16)
    assert replicas(fleet, "chat-8b") == 7
    patch(fleet, deployment(fleet, "chat-8b"), replicas=2)
    fleet.run(16)
    assert replicas(fleet, "chat-8b") == 5
    messages = [event["message"] for event in fleet.events("SuccessfulRescale")]
    assert "New size: 7; reason: Current number of replicas above Spec.MaxReplicas" in messages
    assert "New size: 5; reason: Current number of replicas below Spec.MinReplicas" in messages


def test_zero_is_an_off_switch_and_leaving_it_hands_control_back() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    patch(fleet, deployment(fleet, "chat-8b"), replicas=0)
    fleet.run(120)
    assert replicas(fleet, "chat-8b") == 0
    assert fleet.pods("chat-8b") == []
    status = hpa(fleet)["status"]
    assert reason(hpa(fleet), "ScalingActive") == ("False", "ScalingDisabled")
    assert status["desiredReplicas"] == 0
    assert "currentReplicas" not in status
    patch(fleet, deployment(fleet, "chat-8b"), replicas=1)
    fleet.run(16)
    assert replicas(fleet, "chat-8b") == 5


def test_without_metrics_the_bounds_still_hold() -> None:
    fleet = Watched("crash-loop", blueprint=only("legacy-13b", "chat-8b"))
    patch(fleet, hpa(fleet), metrics=[{"type": "Resource", "resource": {"name": "cpu", "target": {}}}])
    patch(fleet, deployment(fleet, "chat-8b"), replicas=6)
    fleet.run(16)
    assert replicas(fleet, "chat-8b") == 6  # within them it is left alone
    assert reason(hpa(fleet), "ScalingActive") == ("False", "FailedGetPodsMetric")
    patch(fleet, hpa(fleet), minReplicas=7)
    fleet.run(16)
    assert replicas(fleet, "chat-8b") == 7


def test_an_autoscaler_without_its_target_says_so() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    patch(fleet, hpa(fleet), scaleTargetRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": "nobody"})
    fleet.run(16)
    assert reason(hpa(fleet), "AbleToScale") == ("False", "FailedGetScale")


def scaled_object(fleet: Watched) -> dict[str, Any]:
    found = fleet.store.get("keda.sh/v1alpha1", "ScaledObject", "serving", "embed")
    assert found is not None
    return found


def annotate(fleet: Watched, **annotations: str) -> None:
    obj = scaled_object(fleet)
    keyed = {f"autoscaling.keda.sh/{key.replace('_', '-')}": value for key, value in annotations.items()}
    fleet.store.put(obj | {"metadata": obj["metadata"] | {"annotations": keyed}})


def test_keda_owns_an_autoscaler_with_its_bounds() -> None:
    fleet = Watched(blueprint=only("embed"))
    made = hpa(fleet, "keda-hpa-embed")
    assert made["metadata"]["ownerReferences"][0]["kind"] == "ScaledObject"
    assert made["spec"]["scaleTargetRef"]["name"] == "embed"
    assert (made["spec"]["minReplicas"], made["spec"]["maxReplicas"]) == (3, 4)
    assert scaled_object(fleet)["status"]["hpaName"] == "keda-hpa-embed"
    patch(fleet, made, maxReplicas=9)
    patch(fleet, scaled_object(fleet), minReplicaCount=4)
    fleet.run(1)
    made = hpa(fleet, "keda-hpa-embed")
    assert (made["spec"]["minReplicas"], made["spec"]["maxReplicas"]) == (4, 4)
    fleet.run(15)
    assert replicas(fleet, "embed") == 4


def test_a_paused_scaled_object_has_no_autoscaler() -> None:
    fleet = Watched(blueprint=only("embed"))
    annotate(fleet, paused="yes")
    patch(fleet, deployment(fleet, "embed"), replicas=1)
    fleet.run(40)
    assert replicas(fleet, "embed") == 1
    assert fleet.objects("HorizontalPodAutoscaler", "autoscaling/v2", "serving") == []
    assert reason(scaled_object(fleet), "Paused") == ("True", "ScaledObjectPaused")
    annotate(fleet, paused_replicas="2")
    fleet.run(2)
    assert replicas(fleet, "embed") == 2
    assert scaled_object(fleet)["status"]["pausedReplicaCount"] == 2
    annotate(fleet)
    fleet.run(20)
    assert replicas(fleet, "embed") == 3
    assert reason(scaled_object(fleet), "Paused") == ("False", "ScaledObjectUnpaused")
