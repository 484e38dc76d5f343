"""Pods as scrape targets over HTTP service discovery, for a Prometheus that cannot ask the Kubernetes API.

Debian's is built without kubernetes_sd_configs. The labels are those that the role `pod` would give, so that
the same relabelling serves both.
"""

from __future__ import annotations

from typing import Any

from simulator.store import Store

PATH = "/_simulator/targets"


def targets(store: Store) -> list[dict[str, Any]]:
    """A target group for each declared port of each pod that has an address."""
    return [
        {"targets": [f"{pod['status']['podIP']}:{port['containerPort']}"], "labels": _labels(pod, container, port)}
        for pod in store.list("v1", "Pod")
        if pod.get("status", {}).get("podIP")
        for container in pod["spec"]["containers"]
        for port in container.get("ports", ())
    ]


def _labels(pod: dict[str, Any], container: dict[str, Any], port: dict[str, Any]) -> dict[str, str]:
    labels = {
        "namespace": pod["metadata"]["namespace"],
        "pod_name": pod["metadata"]["name"],
        "pod_node_name": pod["spec"].get("nodeName", ""),
        "pod_phase": pod["status"]["phase"],
        "pod_container_name": container["name"],
        "pod_container_port_name": port.get("name", ""),
        "pod_container_port_number": str(port["containerPort"]),
    }
    return {f"__meta_kubernetes_{name}": value for name, value in labels.items()}
