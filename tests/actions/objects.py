"""Objects as the API has them: pods of a ReplicaSet behind a Service, their budget and their node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Obj = dict[str, Any]
GPU = "nvidia.com/gpu"
TOLERATIONS = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]


def replica_set(name: str = "chat-70b", replicas: int = 3) -> Obj:
    """The one of a Deployment."""
    labels = {"app": name, "pod-template-hash": "7c9f"}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name}-7c9f",
            "namespace": "serving",
            "uid": f"uid-rs-{name}",
            "labels": labels,
            "ownerReferences": [owned_by("Deployment", name, f"uid-{name}")],
        },
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}},
        "status": {"replicas": replicas, "readyReplicas": replicas},
    }


def pod(
    name: str,
    of: str = "chat-70b",
    node: str = "node-1",
    *,
    ready: bool = True,
    labels: Mapping[str, str] | None = None,
) -> Obj:
    """One of a ReplicaSet, which serves a model on four GPUs."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "serving",
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-09-21T00:00:00Z",
            "labels": {"app": of, "pod-template-hash": "7c9f", **(labels or {})},
            "ownerReferences": [owned_by("ReplicaSet", f"{of}-7c9f", f"uid-rs-{of}")],
        },
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 120,
            "tolerations": TOLERATIONS,
            "containers": [
                {
                    "name": "vllm",
                    "image": "vllm/vllm-openai:v0.32.0",
                    "args": ["--model", f"acme/{of}"],
                    "resources": {"limits": {GPU: "4"}},
                }
            ],
            "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "vllm", "ready": ready, "started": ready, "state": {"running": {}}}],
        },
    }


def service(name: str = "chat-70b", **selector: str) -> Obj:
    """One that selects by these labels."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "serving", "uid": f"uid-svc-{name}"},
        "spec": {"selector": selector or {"app": name}},
    }


def budget(name: str = "chat-70b", needed: int = 2, **selector: str) -> Obj:
    """A PodDisruptionBudget; its status is computed as pods come and go."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "serving", "uid": f"uid-pdb-{name}"},
        "spec": {"minAvailable": needed, "selector": {"matchLabels": selector or {"app": name}}},
        "status": {},
    }


def node(name: str = "node-1", gpus: int = 8, **labels: str) -> Obj:
    """One with GPUs, ready."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels},
        "spec": {"taints": [{"key": GPU, "value": "present", "effect": "NoSchedule"}]},
        "status": {
            "allocatable": {GPU: str(gpus)},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def owned_by(kind: str, name: str, uid: str) -> Obj:
    """Return an owner reference to the controller of an object."""
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True}
