"""The cells that `kubectl get` shows."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.api import columns
from simulator.api.resources import RESOURCES
from tests.simulator.api_support import START, pod


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (599, "9m59s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (12_000, "3h20m"),
        (28_800, "8h"),
        (172_799, "47h"),
        (172_800, "2d"),
        (180_000, "2d2h"),
        (691_200, "8d"),
        (63_072_000, "2y"),
        (63_158_400, "2y1d"),
        (252_288_000, "8y"),
    ],
)
def test_durations_as_kubectl_writes_them(seconds: float, text: str) -> None:
    assert columns.human_duration(seconds) == text


def row(plural: str, obj: dict[str, Any]) -> list[Any]:
    """The cells of an object."""
    (resource,) = (r for r in RESOURCES if r.plural == plural)
    return [column.cell(obj, START) for column in resource.columns]


def container(**status: Any) -> dict[str, Any]:
    return {"name": "vllm", "ready": False, "restartCount": 0, "lastState": {}, "state": {}} | status


@pytest.mark.parametrize(
    ("status", "metadata", "shown"),
    [
        ({"phase": "Pending"}, {}, "Pending"),
        ({"phase": "Failed", "reason": "Evicted"}, {}, "Evicted"),
        (
            {"containerStatuses": [container(state={"waiting": {"reason": "CrashLoopBackOff"}})]},
            {},
            "CrashLoopBackOff",
        ),
        (
            {"containerStatuses": [container(state={"terminated": {"reason": "OOMKilled"}})]},
            {},
            "OOMKilled",
        ),
        ({"containerStatuses": [container(state={"terminated": {"exitCode": 3}})]}, {}, "ExitCode:3"),
        ({"phase": "Running"}, {"deletionTimestamp": "2026-09-21T14:13:20Z"}, "Terminating"),
    ],
)
def test_the_status_of_a_pod(status: dict[str, Any], metadata: dict[str, Any], shown: str) -> None:
    made = pod("a", status={"phase": "Running"} | status, metadata=metadata)
    assert columns.pod_status(made) == shown


def test_restarts_say_when_the_last_one_was() -> None:
    crashed = container(restartCount=4, lastState={"terminated": {"finishedAt": "2026-09-21T14:11:20Z"}})
    made = pod("a", status={"phase": "Running", "containerStatuses": [crashed]})
    assert row("pods", made)[1:4] == ["0/1", "Running", "4 (2m ago)"]


def test_a_node_that_is_cordoned_and_not_ready() -> None:
    made = {
        "metadata": {"name": "n", "labels": {"node-role.kubernetes.io/gpu": ""}},
        "spec": {"unschedulable": True},
        "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]},
    }
    assert row("nodes", made)[:4] == ["n", "NotReady,SchedulingDisabled", "gpu", "<unknown>"]


def test_the_targets_of_an_autoscaler() -> None:
    metric = {"metric": {"name": "waiting"}, "target": {"type": "AverageValue", "averageValue": "5"}}
    hpa: dict[str, Any] = {
        "metadata": {"name": "h"},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "chat"},
            "minReplicas": 2,
            "maxReplicas": 4,
            "metrics": [{"type": "Pods", "pods": metric}],
        },
        "status": {"currentReplicas": 3},
    }
    shown = ["h", "Deployment/chat", "<unknown>/5", "2", 4, 3, "<unknown>"]
    assert row("horizontalpodautoscalers", hpa) == shown
    hpa["status"]["currentMetrics"] = [{"type": "Pods", "pods": {"current": {"averageValue": "7"}}}]
    assert row("horizontalpodautoscalers", hpa)[2] == "7/5"
    external = {"type": "External", "external": metric}
    hpa["spec"]["metrics"] = [external]
    hpa["status"]["currentMetrics"] = None
    assert row("horizontalpodautoscalers", hpa)[2] == "<unknown>/5 (avg)"
    hpa["spec"]["metrics"] = []
    assert row("horizontalpodautoscalers", hpa)[2] == "<none>"
