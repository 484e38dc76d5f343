"""Agents of nodes are known by their names and images, and provide what these say."""

from __future__ import annotations

import pytest

from fleet.diagnosis.subjects.node_agents import is_agent, provides
from fleet.model.objects import Container, Owner
from tests.fleet.rows import pod


@pytest.mark.parametrize(
    ("name", "image", "cause", "provided"),
    [
        ("nvidia-device-plugin-daemonset", "nvcr.io/nvidia/k8s-device-plugin:v0.18.0", "no-gpu-allocatable", True),
        ("amdgpu-device-plugin", "rocm/k8s-device-plugin:1.31", "gpus-withdrawn", True),
        ("gpu-plugin", "intel/intel-gpu-plugin:0.34.0", "no-gpu-allocatable", True),
        ("cilium", "quay.io/cilium/cilium:v1.18.2", "sandbox-not-created", True),
        ("aws-node", "amazon-k8s-cni:v1.20", "node-network-unavailable", True),
        ("ebs-csi-node", "aws-ebs-csi-driver:v1.50.0", "csi-driver-missing", True),
        ("cilium", "quay.io/cilium/cilium:v1.18.2", "no-gpu-allocatable", False),
        ("fluent-bit", "docker.io/amd64/fluent-bit:4", "no-gpu-allocatable", False),
        ("node-exporter", "quay.io/prometheus/node-exporter:v1.10", "sandbox-not-created", False),
        ("nvidia-device-plugin-daemonset", "nvcr.io/nvidia/k8s-device-plugin:v0.18.0", "crash-loop", False),
    ],
)
def test_an_agent_provides_what_its_name_or_image_says(name: str, image: str, cause: str, *, provided: bool) -> None:
    agent = pod(f"{name}-x2f", owner=Owner("DaemonSet", name, "uid-agent"), containers=(Container(name, image),))
    assert is_agent(agent)
    assert provides(agent, cause) is provided
    assert not is_agent(pod("chat-0"))
