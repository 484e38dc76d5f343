"""The Kubernetes objects of the benchmarks' fleet, as JSON ready to be sent."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tests.fleet.sources.kube.measure_sync import PODS_PER_WORKLOAD, realistic_pod

Object = dict[str, Any]
PODS_PER_NODE = 8
EXPORTERS = "gpu-operator"
"""Namespace of the GPU exporters."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One pod with an engine and a GPU."""

    number: int

    @property
    def workload(self) -> str:
        return f"chat-{self.number // PODS_PER_WORKLOAD}"

    @property
    def namespace(self) -> str:
        return f"team-{self.number // PODS_PER_WORKLOAD % 7}"

    @property
    def pod(self) -> str:
        return f"{self.workload}-5b6d6586f-{self.number:05d}"

    @property
    def node(self) -> str:
        return f"gpu-node-{self.number // PODS_PER_NODE}"


def collections(engines: Sequence[Engine], ports: Sequence[int], exporters: dict[str, int]) -> dict[str, list[bytes]]:
    """Path of each collection that has objects → its items. ``ports`` are the engines', ``exporters`` node → port."""
    rng = random.Random(1)
    pods = [orjson.dumps(_engine_pod(engine, port, rng)) for engine, port in zip(engines, ports, strict=True)]
    pods += [orjson.dumps(_exporter_pod(node, port)) for node, port in exporters.items()]
    workloads = Counter((engine.namespace, engine.workload) for engine in engines)
    nodes = dict.fromkeys(engine.node for engine in engines)
    return {
        "/api/v1/pods": pods,
        "/api/v1/nodes": [orjson.dumps(_node(name)) for name in nodes],
        "/apis/apps/v1/deployments": [
            orjson.dumps(_deployment(*which, replicas)) for which, replicas in workloads.items()
        ],
        "/apis/apps/v1/replicasets": [
            orjson.dumps(_replica_set(*which, replicas)) for which, replicas in workloads.items()
        ],
    }


def touched(pod: bytes, version: int, restarts: int = 0) -> bytes:
    """A watch event that says that the pod has changed: its resourceVersion, and perhaps how often it restarted."""
    raw = orjson.loads(pod)
    raw["metadata"]["resourceVersion"] = str(version)
    raw["status"]["containerStatuses"][0]["restartCount"] = restarts
    return orjson.dumps({"type": "MODIFIED", "object": raw}) + b"\n"


def _metadata(name: str, namespace: str = "", **more: Any) -> Object:
    where = {"namespace": namespace} if namespace else {}
    stamp = {"uid": f"uid-{namespace}-{name}", "resourceVersion": "1", "creationTimestamp": "2026-11-21T00:42:45Z"}
    return {"name": name, **where, **stamp, **more}


def _engine_pod(engine: Engine, port: int, rng: random.Random) -> Object:
    pod = realistic_pod(engine.number, rng)
    pod["metadata"]["annotations"]["prometheus.io/port"] = str(port)
    pod["metadata"]["ownerReferences"][0]["uid"] = f"uid-{engine.namespace}-{engine.workload}-5b6d6586f"
    pod["spec"]["nodeName"] = engine.node
    arguments = pod["spec"]["containers"][0]["args"]
    arguments[arguments.index("--served-model-name") + 1] = engine.workload
    pod["status"]["podIP"] = "127.0.0.1"
    return pod


def _exporter_pod(node: str, port: int) -> Object:
    labels = {"app": "nvidia-dcgm-exporter"}
    return {
        "metadata": _metadata(
            f"dcgm-exporter-{node}", EXPORTERS, labels=labels, annotations={"prometheus.io/port": str(port)}
        ),
        "spec": {"nodeName": node, "containers": [{"name": "exporter", "image": "dcgm-exporter:4.4.0"}]},
        "status": {
            "phase": "Running",
            "podIP": "127.0.0.1",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "exporter", "ready": True, "restartCount": 0, "state": {"running": {}}}],
        },
    }


def _node(name: str) -> Object:
    room = {"cpu": "192", "memory": "2048Gi", "pods": "110", "nvidia.com/gpu": str(PODS_PER_NODE)}
    conditions = [{"type": "Ready", "status": "True"}, {"type": "MemoryPressure", "status": "False"}]
    return {
        "metadata": _metadata(name, labels={"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}),
        "spec": {},
        "status": {"capacity": room, "allocatable": room, "conditions": conditions},
    }


def _deployment(namespace: str, name: str, replicas: int) -> Object:
    return {
        "metadata": _metadata(name, namespace, labels={"app": name}, generation=1),
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {}},
        "status": {"replicas": replicas, "readyReplicas": replicas, "observedGeneration": 1},
    }


def _replica_set(namespace: str, workload: str, replicas: int) -> Object:
    owner = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": workload,
        "uid": f"uid-{namespace}-{workload}",
        "controller": True,
    }
    return {
        "metadata": _metadata(
            f"{workload}-5b6d6586f",
            namespace,
            labels={"app": workload},
            ownerReferences=[owner],
            annotations={"deployment.kubernetes.io/revision": "1"},
        ),
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": workload}}, "template": {}},
        "status": {"replicas": replicas, "readyReplicas": replicas},
    }
