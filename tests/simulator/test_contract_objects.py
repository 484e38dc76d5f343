"""Simulated objects have every field of those that a real API server returned."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.fleet_support import Watched

RECORDINGS = Path(__file__).parents[3] / "shared/recordings/kube-1.36"
FREE_KEYS = {"managedFields", "labels", "annotations", "matchLabels", "nodeSelector", "capacity", "allocatable"}
# What the store adds, and what only a cordon, an autoscaler's first step or a newer scheduler writes.
ELSEWHERE = {
    ".kind",
    ".apiVersion",
    ".metadata.resourceVersion",
    ".involvedObject.resourceVersion",
    ".spec.unschedulable",
    ".spec.taints[].timeAdded",
    ".status.lastScaleTime",
    ".action",
}

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not beside the checkout"),
]


def fields(obj: Any, path: str = "") -> set[str]:
    """The paths of all fields, without the keys that people choose."""
    if isinstance(obj, dict):
        return {
            found
            for key, content in obj.items()
            if key not in FREE_KEYS
            for found in ({f"{path}.{key}"} | fields(content, f"{path}.{key}"))
        }
    if isinstance(obj, list):
        return {found for item in obj for found in fields(item, f"{path}[]")}
    return set()


@cache
def after_20_seconds(scenario: str) -> Watched:
    """A fleet that several tests look at."""
    fleet = Watched(scenario)
    fleet.run(20)
    return fleet


def recorded(name: str) -> list[dict[str, Any]]:
    body = json.loads((RECORDINGS / f"{name}.json").read_text())["response"]["body"]
    items: list[dict[str, Any]] = body.get("items", [body])
    return items


@pytest.mark.parametrize(
    ("name", "api_version", "kind", "scenario"),
    [
        ("pods_list_small", "v1", "Pod", "steady"),
        ("pod_crashloop_oomkilled", "v1", "Pod", "crash-loop"),
        ("pod_running_not_ready_loading", "v1", "Pod", "cold-start"),
        ("deployment_get", "apps/v1", "Deployment", "steady"),
        ("replicasets_two_revisions", "apps/v1", "ReplicaSet", "steady"),
        ("statefulset_get", "apps/v1", "StatefulSet", "steady"),
        ("controllerrevisions_list", "apps/v1", "ControllerRevision", "steady"),
        ("hpa_list", "autoscaling/v2", "HorizontalPodAutoscaler", "steady"),
        ("pdb_list", "policy/v1", "PodDisruptionBudget", "steady"),
        ("endpointslices_terminating", "discovery.k8s.io/v1", "EndpointSlice", "steady"),
        ("node_cordoned_get", "v1", "Node", "steady"),
        ("events_core_list", "v1", "Event", "no-free-gpu"),
    ],
)
def test_no_field_of_the_real_object_is_missing(name: str, api_version: str, kind: str, scenario: str) -> None:
    fleet = after_20_seconds(scenario)
    expected = set[str]().union(*map(fields, recorded(name)))
    found = set[str]().union(*map(fields, fleet.objects(kind, api_version)))
    assert expected - found <= ELSEWHERE
