"""Clusters that look broken and are not: pods, nodes and rollouts that are well, and warnings about them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simulator.objects import timestamp
from tests.fleet.diagnosis.cluster import (
    GPU,
    Cluster,
    autoscaler,
    condition,
    failed,
    meta,
    pod,
    unplaced,
    unready,
    waiting,
    workload,
)
from tests.fleet.diagnosis.failures import others
from tests.fleet.diagnosis.failures.repeated import told
from tests.fleet.rows import NOW

Change = Callable[[Cluster], object]


def _warned(cluster: Cluster, reason: str, message: str) -> None:
    """A warning about a pod that is ready."""
    cluster.pod_event(reason, message)


def _loads(cluster: Cluster) -> None:
    """A pod whose engine loads: its startup probe fails until it has."""
    raw = cluster.pod()
    raw["metadata"]["creationTimestamp"] = timestamp(NOW)
    unready(raw)
    raw["status"]["containerStatuses"][0] |= {"ready": False, "started": False}
    for at in (-2, 60, 125, 300, 630):
        cluster.pod_event("Unhealthy", "Startup probe failed: dial tcp 10.0.0.12:8000: connection refused", at=at)


def _created_after(cluster: Cluster, reason: str, message: str) -> None:
    """A pod that is created although something failed at first; its engine loads."""
    _loads(cluster)
    cluster.pod_event(reason, message, at=-20)
    cluster.pod_event("Created", "Created container: vllm", at=-10, normal=True)


def _creating(cluster: Cluster) -> None:
    """A pod that has just got its node, with a claim that a moment ago had no volume."""
    volume = {"name": "weights", "persistentVolumeClaim": {"claimName": "weights"}}
    cluster.pod()["spec"]["volumes"] = [volume]
    text = "waiting for first consumer to be created before binding"
    cluster.event("PersistentVolumeClaim", "weights", "WaitForFirstConsumer", text, normal=True)
    cluster.event("PersistentVolumeClaim", "weights", "ProvisioningFailed", "rpc error: code = Aborted", at=-20)
    cluster.event("PersistentVolumeClaim", "weights", "ProvisioningSucceeded", "Provisioned", at=-10, normal=True)
    _loads(cluster)


def _public_image(cluster: Cluster) -> None:
    """A pull secret that is missing, of an image that needs none."""
    _loads(cluster)
    text = "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed."
    for at in (-2, 125, 630):
        cluster.pod_event("FailedToRetrieveImagePullSecret", text, at=at)


def _claimed(cluster: Cluster) -> None:
    """A node whose GPUs are claimed, and were once offered by a device plugin."""
    raw = cluster.node()
    raw["status"] |= {"allocatable": {GPU: "0"}, "capacity": {GPU: "0"}}
    raw["metadata"]["labels"]["nvidia.com/gpu.deploy.device-plugin"] = "false"


def _of_revisions(cluster: Cluster, newest: str) -> None:
    cluster.top["status"] |= {"updateRevision": newest, "currentRevision": "chat-1"}
    for number in range(3):
        labels = cluster.pod(number)["metadata"]["labels"]
        labels |= {"controller-revision-hash": "chat-1"}
        del labels["pod-template-hash"]


def _stateful_rollout(cluster: Cluster) -> None:
    """The rollout of a StatefulSet: its last pod is of the newest revision, and loads."""
    _of_revisions(cluster, "chat-2")
    cluster.top["status"] |= {"updatedReplicas": 1, "readyReplicas": 2}
    cluster.pod()["metadata"]["labels"] |= {"controller-revision-hash": "chat-2"}
    _loads(cluster)


def _partitioned(cluster: Cluster) -> None:
    """A canary by partition, and an older pod that loads again."""
    _of_revisions(cluster, "chat-2")
    cluster.top["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    cluster.top["status"] |= {"updatedReplicas": 1, "readyReplicas": 2}
    cluster.pod(2)["metadata"]["labels"] |= {"controller-revision-hash": "chat-2"}
    raw = cluster.pod(0)
    unready(raw)
    raw["status"]["containerStatuses"][0] |= {"ready": False, "started": False}


def _scaled_again(cluster: Cluster) -> None:
    """A source of an autoscaler that failed long ago."""
    cluster.put(autoscaler(("ScalingActive", "True", "ValidMetricFound", "")))
    cluster.event("ScaledObject", "chat", "KEDAScalerFailed", "connection refused", at=-900)
    cluster.event("ScaledObject", "other", "KEDAScalerFailed", "connection refused")


def _silent_about_generations(cluster: Cluster) -> None:
    """A controller that does not say which generation it has acted on."""
    cluster.top["metadata"]["generation"] = 7
    del cluster.top["status"]["observedGeneration"]


def _queues(cluster: Cluster) -> None:
    """A pod that waits for its turn in a queue."""
    text = "Scheduling is blocked due to non-empty scheduling gates"
    unplaced(cluster.pod(), text, "SchedulingGated")


def _left_over(cluster: Cluster) -> None:
    """A pod that was evicted yesterday, and has long been replaced."""
    raw = cluster.put(pod("chat-9", cluster.owner, "n1"))
    raw["metadata"]["creationTimestamp"] = timestamp(NOW - 90_000)
    failed(raw, "Evicted", "The node was low on resource: memory.")


def _briefly(cluster: Cluster) -> None:
    """A pod that is being created: it has had its node for moments."""
    waiting(cluster.pod(), "ContainerCreating")
    cluster.pod()["metadata"]["creationTimestamp"] = timestamp(NOW + 630)
    condition(cluster.pod(), "Ready", "False", "ContainersNotReady", at=630)


def _node_told(cluster: Cluster, reason: str, message: str) -> None:
    cluster.event("Node", "n2", reason, message)


def _tainted(cluster: Cluster, key: str) -> None:
    cluster.node()["spec"]["taints"] = [{"key": key, "effect": "NoSchedule"}]


def _split(cluster: Cluster) -> None:
    """A node of which one card is split: its parts are offered as another resource."""
    offered = {GPU: "7", "nvidia.com/mig-1g.10gb": "7"}
    cluster.node()["status"] |= {"allocatable": offered, "capacity": offered}


def _delete(cluster: Cluster) -> None:
    for key in [key for key in cluster.raws if key[0] in ("Deployment", "ReplicaSet", "Pod", "Service")]:
        del cluster.raws[key]


def _deleted(cluster: Cluster) -> None:
    """A Deployment that is deleted with its Service."""
    _serve(cluster)
    _delete(cluster)


def _replaced(cluster: Cluster) -> None:
    """A Deployment that is deleted once another has pods behind its Service."""
    _serve(cluster)
    service = cluster.raws["Service", "serving", "chat"]
    _delete(cluster)
    cluster.put(service)
    cluster.put(workload("Deployment", "green", 1))
    cluster.put(workload("ReplicaSet", "green-1", 1, owner=("Deployment", "green")))
    cluster.put(pod("green-0", ("ReplicaSet", "green-1"), "n0"))


def _serve(cluster: Cluster) -> None:
    spec = {"type": "ClusterIP", "selector": {"app": "chat"}, "ports": [{"name": "http", "port": 80}]}
    cluster.put({"kind": "Service", "metadata": meta("chat"), "spec": spec})
    cluster.at(-15)


_FAULT = "NVRM: Xid (PCI:0000:3b:00): 31, pid=4711, name=VLLM::Worker, MMU Fault: ENGINE GRAPHICS"


def _flapped_twice(cluster: Cluster) -> None:
    for at in (-900, -100):
        cluster.event("Node", "n2", "NodeNotReady", "Node n2 status is now: NodeNotReady", at=at, normal=True)


_CONFLICT = "Operation cannot be fulfilled on services: the object has been modified; please apply your changes"
_POLICY = "policy require-labels/check fail: label team is required"

CALM: tuple[tuple[str, Change, str], ...] = (
    ("fault of a program in the kernel's log", partial(_node_told, reason="XIDError", message=_FAULT), "Deployment"),
    ("node restarted", partial(_node_told, reason="Rebooted", message="Node n2 has been rebooted"), "Deployment"),
    ("node that is consolidated", partial(_tainted, key="karpenter.sh/disrupted"), "Deployment"),
    ("node that is scaled down", partial(_tainted, key="ToBeDeletedByClusterAutoscaler"), "Deployment"),
    ("card that is split", _split, "Deployment"),
    ("deleted with all that belongs to it", _deleted, "Deployment"),
    ("replaced by another", _replaced, "Deployment"),
    ("autoscaler before its target", lambda cluster: cluster.put(autoscaler(target="code")), "Deployment"),
    ("probe warning", partial(_warned, reason="ProbeWarning", message="Readiness probe warning"), "Deployment"),
    ("one missed probe", partial(_warned, reason="Unhealthy", message="Readiness probe failed: timeout"), "Deployment"),
    ("unknown warning of a ready pod", partial(_warned, reason="FancyAgentRefused", message="no lease"), "Deployment"),
    ("loads", _loads, "Deployment"),
    ("paused as it is", partial(others.paused, updated=3), "Deployment"),
    ("a service to scrape all models", partial(others.mixed, service_name="llm-metrics"), "Deployment"),
    ("a service for two workloads of a model", partial(others.mixed, model="llama"), "Deployment"),
    (
        "cache not synced at first",
        partial(
            _created_after,
            reason="FailedMount",
            message='MountVolume.SetUp failed for volume "kube-api-access" : object "serving"/"kube-root-ca.crt" not '
            "registered",
        ),
        "Deployment",
    ),
    (
        "sandbox at the second try",
        partial(_created_after, reason="FailedCreatePodSandBox", message="failed to setup network"),
        "Deployment",
    ),
    ("unknown warning before it was created", partial(_created_after, reason="Fancy", message="not yet"), "Deployment"),
    ("claim provisioned at the second try", _creating, "Deployment"),
    ("pull secret that is not needed", _public_image, "Deployment"),
    ("claimed gpus", _claimed, "Deployment"),
    ("rollout of a statefulset", _stateful_rollout, "StatefulSet"),
    ("canary by partition", _partitioned, "StatefulSet"),
    ("old warning of a scaled object", _scaled_again, "Deployment"),
    ("no observed generation", _silent_about_generations, "Deployment"),
    ("queues for quota", _queues, "Deployment"),
    ("left over", _left_over, "Deployment"),
    ("just created", _briefly, "Deployment"),
    ("node fell twice", _flapped_twice, "Deployment"),
    (
        "a controller warns once",
        partial(told, kind="InferenceService", name="chat", reason="InternalError", message="timeout", at=(-2,)),
        "Deployment",
    ),
    (
        "controllers in conflict",
        partial(told, kind="InferenceService", name="chat", reason="UpdateFailed", message=_CONFLICT),
        "Deployment",
    ),
    (
        "a policy that only reports",
        partial(told, kind="Deployment", name="chat", reason="PolicyViolation", message=_POLICY),
        "Deployment",
    ),
    (
        "a warning about what serves nothing",
        partial(told, kind="Service", name="other", reason="SyncLoadBalancerFailed", message="no subnet"),
        "Deployment",
    ),
    (
        "an unlisted warning of a node, once",
        partial(told, kind="Node", name="n2", reason="RetimerFault", message="lane 3 down", at=(-2,)),
        "Deployment",
    ),
    (
        "a node whose resolver has many names",
        partial(told, kind="Node", name="n2", reason="CheckLimitsForResolvConf", message="limits were exceeded"),
        "Deployment",
    ),
)
"""Name, change, and the kind of the workload."""
