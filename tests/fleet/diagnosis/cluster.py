"""A small cluster of raw objects, as a real API server shows them, and what the diagnosis says of it over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from fleet.diagnosis.incidents.evidence import explain
from fleet.kinds.registry import listed
from fleet.model.finding import FindingState, Incident
from fleet.model.measurement import GpuId
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Cluster as Identity
from fleet.model.snapshot import Snapshot
from fleet.snapshot.builder import Builder
from fleet.snapshot.history import RecentHistory
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.resources import all_resources
from fleet.sources.kube.state import KubeState
from simulator.objects import timestamp
from tests.fleet.diagnosis.fleets import COOL, WELL
from tests.fleet.rows import LIVE, NOW, engine, measurement

Raw = dict[str, Any]
RESOURCES = {resource.kind: resource for resource in all_resources()}
WORKLOADS = frozenset(kind.kind for kind in listed())
SPACE = "serving"
GPU = "nvidia.com/gpu"
DRAINED = WELL | {Quantity.PROMPT_TOKENS: 0.0}
"""An engine whose pod is being deleted: it ends what it has, and gets nothing new."""
LOOKS = (0.0, 65.0, 130.0, 310.0, 640.0)
"""Seconds after a failure at which the cluster is looked at."""


class Cluster:
    """The workload ``chat`` with three ready replicas ``chat-0`` … on as many nodes ``n0`` …, a GPU each."""

    def __init__(self, kind: str = "Deployment", replicas: int = 3) -> None:
        self.kind = kind
        self.raws: dict[tuple[str, str, str], Raw] = {}
        self._interner, self._builder, self._looks = Interner(), Builder(RecentHistory()), 0
        self._events = 0
        self._rows: dict[bytes, Any] = {}
        self.top = self.put(workload(kind, "chat", replicas))
        if kind == "Deployment":
            self.put(workload("ReplicaSet", "chat-5d8f", replicas, owner=("Deployment", "chat")))
        for number in range(replicas):
            self.put(node(f"n{number}"))
            group = {"name": "chat", "group-index": str(number), "worker-index": "0"}
            labels = {f"leaderworkerset.sigs.k8s.io/{one}": value for one, value in group.items()}
            self.put(pod(f"chat-{number}", self.owner, f"n{number}", **labels if kind == "LeaderWorkerSet" else {}))

    @property
    def owner(self) -> tuple[str, str]:
        """Kind and name of what makes the pods."""
        return ("ReplicaSet", "chat-5d8f") if self.kind == "Deployment" else (self.kind, "chat")

    def put(self, raw: Raw) -> Raw:
        """Add an object, or change it."""
        meta = raw["metadata"]
        self.raws[raw["kind"], meta.get("namespace", ""), meta["name"]] = raw
        return raw

    def pod(self, number: int = 2) -> Raw:
        """A pod, to be changed."""
        return self.raws["Pod", SPACE, f"chat-{number}"]

    def node(self, number: int = 2) -> Raw:
        """A node, to be changed."""
        return self.raws["Node", "", f"n{number}"]

    def event(self, kind: str, name: str, reason: str, message: str, *, at: float = -2.0, normal: bool = False) -> None:
        """Write an event about an object."""
        self._events += 1
        space = "" if kind == "Node" else SPACE
        about = self.raws.get((kind, space, name), {"metadata": {"uid": f"uid-{kind}-{name}"}})
        involved = {"kind": kind, "namespace": space, "name": name, "uid": about["metadata"]["uid"]}
        stamp = timestamp(NOW + at)
        meta = {"namespace": space or "default", "name": f"{name}.{self._events:016x}", "uid": f"event-{self._events}"}
        document: Raw = {
            "kind": "Event",
            "reason": reason,
            "message": message,
            "type": "Normal" if normal else "Warning",
        }
        self.put(
            document
            | {"metadata": meta | {"creationTimestamp": stamp}, "involvedObject": involved, "count": 3}
            | {"firstTimestamp": stamp, "lastTimestamp": stamp, "source": {"component": "kubelet"}}
        )

    def pod_event(self, reason: str, message: str, number: int = 2, **more: Any) -> None:
        """Write an event about a pod."""
        self.event("Pod", f"chat-{number}", reason, message, **more)

    def at(self, seconds: float) -> Snapshot:
        """The Snapshot so many seconds after the failure."""
        self._looks += 1
        rows: dict[str, dict[str, Any]] = {kind: {} for kind in RESOURCES}
        for raw in self.raws.values():
            row = self._row(raw)
            rows[raw["kind"]][row.key] = row
        tops = {key: row for kind in WORKLOADS for key, row in rows[kind].items()}
        state = KubeState(
            self._looks,
            Identity(context="test"),
            pods=rows["Pod"],
            nodes=rows["Node"],
            workloads={key: row for key, row in tops.items() if row.kind != "ReplicaSet"},
            links={key: row for key, row in tops.items() if row.kind == "ReplicaSet"},
            autoscalers=rows["HorizontalPodAutoscaler"],
            budgets=rows["PodDisruptionBudget"],
            services=rows["Service"],
            events=rows["Event"],
        )
        ready = {row.name: row for row in rows["Pod"].values() if row.ready and row.gpus}
        engines = {
            engine(name, row.version.model or "llama"): WELL if row.deleted is None else DRAINED
            for name, row in ready.items()
        }
        gpus = {GpuId(f"GPU-{name}", "", row.node, "0", SPACE, name): COOL for name, row in ready.items()}
        now = NOW + seconds
        return self._builder.build(state, measurement(engines, gpus=gpus, at=now), [LIVE], now)

    def _row(self, raw: Raw) -> Any:
        """An object as it is read: the same row as long as it has not changed, as of a watch."""
        text = orjson.dumps(raw)
        if text not in self._rows:
            self._rows[text] = RESOURCES[raw["kind"]].project(orjson.loads(text), self._interner)
        return self._rows[text]

    def diagnosed(self, *seconds: float) -> Diagnosed:
        """Look at it at these moments."""
        snapshot = self.at(-30)
        for one in seconds or LOOKS:
            snapshot = self.at(one)
        return Diagnosed(snapshot, snapshot.incidents)


class Diagnosed(NamedTuple):
    """The diagnosis of a cluster."""

    snapshot: Snapshot
    incidents: Sequence[Incident]

    @property
    def causes(self) -> list[str]:
        """The causes of the incidents, the worst first."""
        return [one.root.cause for one in self.incidents]

    @property
    def told(self) -> str:
        """The words and the evidence of the first one."""
        if not self.incidents:
            return ""
        root = self.incidents[0].root
        return "\n".join([root.words, *(one.text for one in explain(self.snapshot, root).evidence)])

    @property
    def fires(self) -> bool:
        """True if the first one is no longer pending."""
        return bool(self.incidents) and self.incidents[0].state is FindingState.FIRING


class Failure(NamedTuple):
    """A failure as operators meet it."""

    name: str
    cause: str
    """The cause in the first line."""
    about: str
    """The object in it: its key, or how it begins."""
    says: str
    """Regular expression that its words or its evidence match."""
    change: Callable[[Cluster], None]
    kind: str = "Deployment"
    """Kind of the workload that fails."""


def meta(
    name: str, owner: tuple[str, str] | None = None, namespace: str = SPACE, labels: Mapping[str, str] | None = None
) -> Raw:
    """The metadata of an object that is two hours old."""
    found: Raw = {"name": name, "uid": f"uid-{name}", "resourceVersion": "1", "labels": dict(labels or {})}
    found |= {"creationTimestamp": timestamp(NOW - 7200)} | ({"namespace": namespace} if namespace else {})
    if owner is not None:
        kind, of = owner
        found["ownerReferences"] = [{"kind": kind, "name": of, "uid": f"uid-{of}", "controller": True}]
    return found


def workload(kind: str, name: str, replicas: int, owner: tuple[str, str] | None = None) -> Raw:
    """A workload with all its replicas."""
    counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), replicas)
    status: Raw = counts | {"observedGeneration": 1, "conditions": []}
    if kind == "StatefulSet":
        status |= {"currentRevision": "chat-1", "updateRevision": "chat-1"}
    template = {"metadata": {"labels": {"app": "chat"}}, "spec": spec()}
    group: Raw = {"leaderWorkerTemplate": {"size": 2, "workerTemplate": template}}
    body: Raw = group if kind == "LeaderWorkerSet" else {"template": template}
    body |= {"replicas": replicas, "selector": {"matchLabels": {"app": "chat"}}}
    return {"kind": kind, "metadata": meta(name, owner) | {"generation": 1}, "spec": body, "status": status}


def spec(node_name: str = "") -> Raw:
    """The spec of a pod that serves."""
    container = {
        "name": "vllm",
        "image": "vllm/vllm-openai:v0.32.0",
        "args": ["--model", "llama"],
        "ports": [{"name": "http", "containerPort": 8000}],
        "resources": {"limits": {GPU: "1"}},
    }
    return {"containers": [container]} | ({"nodeName": node_name} if node_name else {})


def pod(name: str, owner: tuple[str, str], node_name: str, **labels: str) -> Raw:
    """A pod that is ready."""
    stamp = timestamp(NOW - 7000)
    ready = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    status = {
        "phase": "Running",
        "podIP": f"10.0.0.{int(name[-1]) + 10}",
        "conditions": [{"type": one, "status": "True", "lastTransitionTime": stamp} for one in ready],
        "containerStatuses": [running("vllm")],
    }
    labels = {"app": "chat", "pod-template-hash": "5d8f"} | labels
    return {"kind": "Pod", "metadata": meta(name, owner, labels=labels), "spec": spec(node_name), "status": status}


def running(name: str, **more: Any) -> Raw:
    """The status of a container that runs."""
    state = {"running": {"startedAt": timestamp(NOW - 6900)}}
    status = {"name": name, "ready": True, "started": True, "restartCount": 0, "state": state, "lastState": {}}
    return status | {"imageID": "vllm@sha256:0abc"} | more


def node(name: str) -> Raw:
    """A node with eight GPUs."""
    stamp = timestamp(NOW - 7200)
    kinds = ("MemoryPressure", "DiskPressure", "PIDPressure")
    conditions = [{"type": one, "status": "False", "lastTransitionTime": stamp} for one in kinds]
    conditions.append({"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": stamp})
    status: Raw = {"conditions": conditions, "allocatable": {GPU: "8"}, "capacity": {GPU: "8"}}
    labels = {"nvidia.com/gpu.product": "NVIDIA-H100", "nvidia.com/gpu.count": "8", "nvidia.com/gpu.present": "true"}
    return {"kind": "Node", "metadata": meta(name, namespace="", labels=labels), "spec": {}, "status": status}


def condition(raw: Raw, kind: str, status: str, reason: str = "", message: str = "", at: float = 0.0) -> None:
    """Write a condition of an object."""
    made = {"type": kind, "status": status, "reason": reason, "message": message}
    others = [one for one in raw["status"].get("conditions", []) if one["type"] != kind]
    raw["status"]["conditions"] = [*others, made | {"lastTransitionTime": timestamp(NOW + at)}]


def unready(raw: Raw, message: str = "containers with unready status: [vllm]") -> None:
    """A pod is not ready."""
    for one in ("Ready", "ContainersReady"):
        condition(raw, one, "False", "ContainersNotReady", message)


def unplaced(raw: Raw, message: str, reason: str = "Unschedulable") -> None:
    """A new pod for which the scheduler has no node."""
    raw["metadata"]["creationTimestamp"] = timestamp(NOW)
    raw["spec"].pop("nodeName", None)
    raw["status"] = {"phase": "Pending", "conditions": []}
    condition(raw, "PodScheduled", "False", reason, message)


def waiting(raw: Raw, reason: str, message: str = "", **more: Any) -> None:
    """A new pod with a node whose container waits."""
    raw["metadata"]["creationTimestamp"] = timestamp(NOW)
    raw["status"] |= {"phase": "Pending", "startTime": timestamp(NOW)}
    unready(raw)
    texts = {"reason": reason} | ({"message": message} if message else {})
    status = running("vllm", state={"waiting": texts}, ready=False, started=False, **more)
    raw["status"]["containerStatuses"] = [status]


def crashing(raw: Raw, code: int, reason: str = "Error", message: str = "", name: str = "vllm") -> None:
    """A container ends at every start."""
    raw["status"]["phase"] = "Running"
    unready(raw, f"containers with unready status: [{name}]")
    ended = {"exitCode": code, "reason": reason, "message": message, "finishedAt": timestamp(NOW - 1)}
    text = f"back-off 2m40s restarting failed container={name} pod={raw['metadata']['name']}"
    back_off = {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
    status = running(name, state=back_off, lastState={"terminated": ended}, ready=False, started=False, restartCount=4)
    others = [one for one in raw["status"].get("containerStatuses", []) if one["name"] != name]
    raw["status"]["containerStatuses"] = [*others, status]


def failed(raw: Raw, reason: str, message: str) -> None:
    """The kubelet rejects or ends a pod as a whole."""
    condition(raw, "Ready", "False", "PodFailed")
    raw["status"] |= {"phase": "Failed", "reason": reason, "message": message, "containerStatuses": []}


def rejected(cluster: Cluster, message: str) -> None:
    """The API server rejects one more pod, and the Deployment says so."""
    cluster.top["spec"]["replicas"] = 4
    condition(cluster.top, "ReplicaFailure", "True", "FailedCreate", message)
    cluster.event("ReplicaSet", "chat-5d8f", "FailedCreate", f"Error creating: {message}")


def autoscaler(*conditions: tuple[str, str, str, str], target: str = "chat") -> Raw:
    """The autoscaler of ``chat``, with its conditions."""
    raw: Raw = {"kind": "HorizontalPodAutoscaler", "metadata": meta("keda-hpa-chat")}
    raw["spec"] = {"scaleTargetRef": {"kind": "Deployment", "name": target}, "minReplicas": 1, "maxReplicas": 5}
    raw["status"] = {"currentReplicas": 3, "desiredReplicas": 3, "conditions": []}
    for one in conditions:
        condition(raw, *one)
    return raw
