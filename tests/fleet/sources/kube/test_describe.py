"""The description of one object for a user."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from fleet.model.objects import Event, ObjectRef
from fleet.sources.kube.describe import age, describe, to_yaml

NOW = 1_000_000.0
Object = dict[str, Any]


def at(seconds_ago: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(NOW - seconds_ago, UTC).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (7199, "119m"),
        (7200, "2h"),
        (86400, "1d"),
        (10 * 86400, "10d"),
    ],
)
def test_ages(seconds: float, expected: str) -> None:
    assert age(seconds) == expected


def pod() -> Object:
    return {
        "kind": "Pod",
        "metadata": {
            "name": "p", "namespace": "n", "creationTimestamp": at(7200), "labels": {"app": "chat"},
            "managedFields": [{"manager": "kubelet"}],
            "ownerReferences": [{"kind": "ReplicaSet", "name": "rs", "uid": "u", "controller": True}],
        },
        "spec": {
            "nodeName": "gpu-1",
            "containers": [
                {
                    "name": "vllm", "image": "vllm:1", "args": ["--model", "m"],
                    "resources": {"limits": {"nvidia.com/gpu": "2"}},
                    "env": [
                        {"name": "PLAIN", "value": "yes"},
                        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}},
                    ],
                    "startupProbe": {"httpGet": {"path": "/health", "port": 8000}, "failureThreshold": 60},
                }
            ],
        },
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": at(300)}
            ],
            "containerStatuses": [
                {
                    "name": "vllm", "restartCount": 7,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": at(60)}},
                }
            ],
        },
    }  # fmt: skip


def lines_of(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_pod() -> None:
    event = Event(
        "n", "e", "u", "1", ObjectRef("Pod", "n", "p"), "u", "Warning", "BackOff", "back-off\n5m", 4, NOW - 180
    )
    lines = lines_of(describe(pod(), [event], now=NOW))
    for expected in (
        "Status: CrashLoopBackOff",
        "Restarts: 7",
        "Node: gpu-1",
        "Controlled by: ReplicaSet/rs",
        "State: Waiting",
        "Reason: OOMKilled",
        "Exit code: 137",
        "Args: --model",
        "Limits: nvidia.com/gpu: 2",
        "Environment: PLAIN: yes",
        "TOKEN: <key token of secret hub>",
        "Startup: http-get :8000/health delay=0s timeout=1s period=10s failure=60",
        "Ready False 5m ContainersNotReady",
        "3m Warning BackOff 4 back-off 5m",
    ):
        assert expected in lines
    assert lines.index("Args: --model") + 1 == lines.index("m")
    assert any(line.startswith("Created:") and line.endswith("(2h ago)") for line in lines)


def test_a_node() -> None:
    raw = {
        "kind": "Node",
        "metadata": {"name": "gpu-1"},
        "spec": {"unschedulable": True, "taints": [{"key": "gpu", "value": "true", "effect": "NoSchedule"}]},
        "status": {"capacity": {"nvidia.com/gpu": "8"}, "allocatable": {"nvidia.com/gpu": "7"}},
    }
    lines = lines_of(describe(raw, now=NOW))
    assert "Unschedulable: yes (cordoned)" in lines
    assert "Taints: gpu=true:NoSchedule" in lines
    assert "nvidia.com/gpu 8 7" in lines
    assert "Events: none in the last hour or so" in lines


def test_a_workload_shows_its_template_without_states() -> None:
    template = {"spec": {"containers": [{"name": "vllm", "image": "vllm:1", "args": ["--model", "m"]}]}}
    raw = {
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n"},
        "spec": {
            "replicas": 3, "paused": True, "selector": {"matchLabels": {"app": "chat"}}, "template": template,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
        },
        "status": {"replicas": 3, "readyReplicas": 2},
    }  # fmt: skip
    lines = lines_of(describe(raw, now=NOW))
    assert "Replicas: 3 desired, 3 total, 2 ready" in lines
    assert "Selector: app=chat" in lines
    assert "Strategy: RollingUpdate maxSurge 25%" in lines
    assert "Paused: yes: the rollout is paused" in lines
    assert "Image: vllm:1" in lines
    assert not any(line.startswith(("State:", "Ready:", "Restart count:")) for line in lines)


def test_yaml_is_the_object_without_managed_fields() -> None:
    raw = pod()
    raw["spec"]["containers"][0]["args"] = ["first\nsecond\n", "\u00e9"]
    text = to_yaml(raw)
    expected = pod() | {"spec": raw["spec"]}
    del expected["metadata"]["managedFields"]
    assert yaml.safe_load(text) == expected
    assert "- |\n" in text, "several lines are written as such"
    assert "\u00e9" in text
    assert text.index("kind:") < text.index("metadata:") < text.index("spec:"), "in the server's order"
    assert "managedFields" in raw["metadata"], "the caller's object is left alone"


def test_control_characters_do_not_come_out_of_yaml() -> None:
    text = to_yaml({"kind": "Pod", "metadata": {"name": "p\x1b[31m"}})
    assert "\x1b" not in text


def test_a_kind_without_a_description_of_its_own_is_told_in_the_words_of_its_api() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "chat", "namespace": "serving"},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "10.96.0.1",
            "selector": {"app": "chat"},
            "ports": [{"name": "http", "port": 8000, "targetPort": "http"}],
        },
        "status": {"loadBalancer": {}},
    }
    text = describe(service, now=NOW)
    assert "  selector:\n    app: chat" in text
    assert "port: 8000" in text
    assert "clusterIP: 10.96.0.1" in text
    quota = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}, "immutable": True}
    message = describe(quota, now=NOW)
    assert "Data:\n  a: b" in message
    assert "Immutable:" in message
