"""Workloads that have been rolled out twice, with their revisions and pods, in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from actions.request import Target
from fleet.model.snapshot import ModelGroup
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.nodes import project_node
from fleet.sources.kube.project.pods import project_pod
from tests.actions.objects import GPU, node
from tests.actions.stage import SCOPE, SNAPSHOT, FakeCluster

Obj = dict[str, Any]
CHAT = Target("Deployment", "serving", "chat", "uid-chat", SCOPE.cluster)
CHAT_PATH = "/apis/apps/v1/namespaces/serving/deployments/chat"
CODER = Target("StatefulSet", "serving", "coder", "uid-coder", SCOPE.cluster)
CODER_PATH = "/apis/apps/v1/namespaces/serving/statefulsets/coder"
MADE = {1: "2026-09-20T10:00:00Z", 2: "2026-09-21T10:00:00Z"}


def template(version: int, of: str = "chat", **spec: Any) -> Obj:
    """The first runs revision ``r1`` of the model on image v1, and so on."""
    return {
        "metadata": {"labels": {"app": of}, "annotations": {"model": f"r{version}"}},
        "spec": {
            "containers": [
                {
                    "name": "vllm",
                    "image": f"vllm:v{version}",
                    "args": ["--model", "acme/chat", "--revision", f"r{version}"],
                    "env": [{"name": "HF_TOKEN", "value": f"hf_secretsecretsecret{version}"}],
                    "envFrom": [{"configMapRef": {"name": "chat-settings"}}],
                    "resources": {"limits": {GPU: "4"}},
                }
            ],
            "volumes": [{"name": "weights", "persistentVolumeClaim": {"claimName": "weights"}}],
            "terminationGracePeriodSeconds": 60,
            "tolerations": [{"operator": "Exists"}],
            **spec,
        },
    }


def deployment(version: int = 2, replicas: int = 2, **spec: Any) -> Obj:
    """``chat``, settled on this version; kubectl wrote its second template."""
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "chat",
            "namespace": "serving",
            "uid": "uid-chat",
            "generation": 3,
            "annotations": {"kubernetes.io/change-cause": f"model r{version}", "note": "kept"},
            "managedFields": [
                {"manager": "helm", "time": MADE[1], "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                {"manager": "kubectl-edit", "time": MADE[2], "fieldsV1": {"f:spec": {"f:template": {}}}},
            ],
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "chat"}},
            "template": template(version),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            **spec,
        },
        "status": {"observedGeneration": 3, **counts},
    }


def replica_set(version: int, number: int | None = None, earlier: str = "") -> Obj:
    """``chat-h1`` and so on."""
    made = template(version)
    made["metadata"]["labels"]["pod-template-hash"] = f"h{version}"
    annotations = {
        "deployment.kubernetes.io/revision": str(number or version),
        "kubernetes.io/change-cause": f"model r{version}",
    }
    if earlier:
        annotations["deployment.kubernetes.io/revision-history"] = earlier
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"chat-h{version}",
            "namespace": "serving",
            "uid": f"uid-rs-{version}",
            "creationTimestamp": MADE[version],
            "labels": {"app": "chat", "pod-template-hash": f"h{version}"},
            "annotations": annotations,
            "ownerReferences": [owner("Deployment", "chat")],
        },
        "spec": {"template": made},
    }


def stateful_set(version: int = 2, **spec: Any) -> Obj:
    """``coder``, settled on this version."""
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "coder", "namespace": "serving", "uid": "uid-coder", "generation": 3},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "coder"}},
            "template": template(version, "coder"),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            **spec,
        },
        "status": {
            "observedGeneration": 3,
            "replicas": 2,
            "readyReplicas": 2,
            "updatedReplicas": 2,
            "currentRevision": f"coder-h{version}",
            "updateRevision": f"coder-h{version}",
        },
    }


def controller_revision(version: int) -> Obj:
    """``coder-h1`` and so on."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"coder-h{version}",
            "namespace": "serving",
            "uid": f"uid-cr-{version}",
            "creationTimestamp": MADE[version],
            "labels": {"app": "coder", "controller.kubernetes.io/hash": f"h{version}"},
            "ownerReferences": [owner("StatefulSet", "coder")],
        },
        "revision": version,
        "data": {"spec": {"template": {"$patch": "replace", **template(version, "coder")}}},
        "spec": {},
    }


def pod(name: str, version: int = 2, of: str = "chat", at: str = "node-1") -> Obj:
    """One that is ready, of a revision."""
    kind, holder = ("ReplicaSet", f"chat-h{version}") if of == "chat" else ("StatefulSet", of)
    labels = {"app": of, "pod-template-hash": f"h{version}"}
    if of != "chat":
        labels = {"app": of, "controller-revision-hash": f"{of}-h{version}"}
    spec = template(version, of)["spec"] | {"nodeName": at}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "serving",
            "uid": f"uid-{name}",
            "creationTimestamp": MADE[version],
            "labels": labels,
            "ownerReferences": [owner(kind, holder) | ({"uid": f"uid-rs-{version}"} if of == "chat" else {})],
        },
        "spec": spec,
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": "vllm", "ready": True, "state": {"running": {}}, "imageID": f"r/vllm@sha256:{version}"}
            ],
        },
    }


def waiting(name: str, version: int = 2) -> Obj:
    """One that the scheduler finds no GPU for; the message is a real scheduler's."""
    found = pod(name, version, at="")
    message = f"0/2 nodes are available: 2 Insufficient {GPU}. preemption: 0/2 nodes are available."
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    found["status"] = {"phase": "Pending", "conditions": [scheduled]}
    return found


def chat(gpus: int = 8, replicas: int = 2, **spec: Any) -> FakeCluster:
    """``chat`` with pods of four GPUs each, and as many GPUs as its one node has."""
    cluster = FakeCluster()
    cluster.add(deployment(replicas=replicas, **spec), replica_set(1), replica_set(2))
    cluster.add(*(pod(f"chat-{i}") for i in range(replicas)))
    return seen(cluster, CHAT, gpus)


def coder(**spec: Any) -> FakeCluster:
    """``coder`` with two pods, on a node that has no more room."""
    cluster = FakeCluster()
    cluster.add(stateful_set(**spec), controller_revision(1), controller_revision(2))
    cluster.add(pod("coder-0", of="coder"), pod("coder-1", of="coder"))
    return seen(cluster, CODER, 8)


def seen(cluster: FakeCluster, workload: Target, gpus: int) -> FakeCluster:
    """Add the Snapshot that the console has of the cluster."""
    raw = [obj for (kind, _, _), obj in cluster.objects.items() if kind == "Pod"]
    pods = {row.key: row for row in (project_pod(obj, Interner()) for obj in raw)}
    key = f"{workload.namespace}/{workload.kind}/{workload.name}"
    model = f"serving/{workload.name}"
    cluster.snapshot = replace(
        SNAPSHOT,
        nodes={"node-1": project_node(node("node-1", gpus), Interner())},
        pods=pods,
        pods_of={key: tuple(pods)},
        workload_of=dict.fromkeys(pods, key),
        model_of={key: model},
        models={model: ModelGroup(model, "serving", workload.name, (key,))},
    )
    return cluster


def owner(kind: str, name: str) -> Obj:
    """A controlling ownerReference."""
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}
