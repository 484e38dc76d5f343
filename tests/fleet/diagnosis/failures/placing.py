"""Pods without a node, in the words of the scheduler, of what admits pods to it, and of the volumes' controllers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simulator.objects import timestamp
from tests.fleet.diagnosis.cluster import SPACE, Cluster, Failure, unplaced
from tests.fleet.rows import NOW

POD = f"{SPACE}/chat-2"
NONE = "0/6 nodes are available: "
_AFTER = " preemption: 0/6 nodes are available: 6 Preemption is not helpful for scheduling."
_UNBOUND = f"{NONE}pod has unbound immediate PersistentVolumeClaims.{_AFTER}"


def _unplaced(cluster: Cluster, message: str, reason: str = "Unschedulable") -> None:
    unplaced(cluster.pod(), message, reason)
    cluster.pod_event("FailedScheduling", message)


def _scheduler(name: str, cause: str, says: str, message: str, reason: str = "Unschedulable") -> Failure:
    return Failure(name, cause, POD, says, partial(_unplaced, message=message, reason=reason))


def _claim(reason: str, message: str, normal: bool = False) -> Callable[[Cluster], None]:
    """The claim ``weights`` of the pod is not bound, and its controller says why."""

    def unbound(cluster: Cluster) -> None:
        volume = {"name": "weights", "persistentVolumeClaim": {"claimName": "weights"}}
        cluster.pod()["spec"]["volumes"] = [volume]
        _unplaced(cluster, _UNBOUND)
        cluster.event("PersistentVolumeClaim", "weights", reason, message, normal=normal)

    return unbound


def _gated(cluster: Cluster) -> None:
    """A pod that its queue has not admitted for half an hour."""
    text = "Scheduling is blocked due to non-empty scheduling gates"
    unplaced(cluster.pod(), text, "SchedulingGated")
    cluster.pod()["metadata"]["creationTimestamp"] = timestamp(NOW - 1800)
    why = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor h100, 1 more"
    cluster.event("Workload", "pod-chat-2-7fc2", "Pending", why)


def _no_stock(cluster: Cluster) -> None:
    _unplaced(cluster, f"{NONE}6 Insufficient nvidia.com/gpu.{_AFTER}")
    text = "Node scale-up in zones us-east1-b associated with this pod failed: GCE out of resources. Pod is at risk of"
    cluster.pod_event("FailedScaleUp", f"{text} not being scheduled.")


FAILURES = (
    Failure("cloud has no stock", "nodes-not-added", POD, "out of resources", _no_stock),
    Failure("gated for long", "gated-for-long", POD, "insufficient unused quota", _gated),
    _scheduler("no free gpu", "no-free-gpu", "GPU", f"{NONE}6 Insufficient nvidia.com/gpu.{_AFTER}"),
    _scheduler("no memory", "node-resources-short", "memory", f"{NONE}6 Insufficient memory.{_AFTER}"),
    _scheduler("too many pods", "node-resources-short", "pods", f"{NONE}6 Too many pods.{_AFTER}"),
    _scheduler(
        "no mig slice of that size",
        "no-free-gpu",
        "mig-3g.40gb",
        f"{NONE}6 Insufficient nvidia.com/mig-3g.40gb.{_AFTER}",
    ),
    _scheduler(
        "selector", "node-selector-unmatched", "selector", f"{NONE}6 node(s) didn't match Pod's node affinity/selector."
    ),
    _scheduler(
        "custom taint", "taint-not-tolerated", "team", f"{NONE}6 node(s) had untolerated taint {{team: search}}."
    ),
    _scheduler("cordoned", "nodes-closed", "unschedulable", f"{NONE}6 node(s) were unschedulable.{_AFTER}"),
    _scheduler(
        "disk pressure",
        "nodes-closed",
        "disk-pressure",
        f"{NONE}6 node(s) had untolerated taint {{node.kubernetes.io/disk-pressure: }}.{_AFTER}",
    ),
    _scheduler(
        "cloud node not initialized",
        "nodes-closed",
        "uninitialized",
        f"{NONE}6 node(s) had untolerated taint {{node.cloudprovider.kubernetes.io/uninitialized: true}}.{_AFTER}",
    ),
    _scheduler(
        "network agent not ready",
        "nodes-closed",
        "agent-not-ready",
        f"{NONE}6 node(s) had untolerated taint {{node.cilium.io/agent-not-ready: true}}.{_AFTER}",
    ),
    _scheduler(
        "autoscaler removes the node",
        "nodes-closed",
        "ToBeDeletedByClusterAutoscaler",
        f"{NONE}6 node(s) had untolerated taint {{ToBeDeletedByClusterAutoscaler: 1795220000}}.{_AFTER}",
    ),
    _scheduler(
        "host port", "host-port-taken", "port", f"{NONE}6 node(s) didn't have free ports for the requested pod ports."
    ),
    _scheduler(
        "topology spread",
        "spread-unsatisfied",
        "spread",
        f"{NONE}6 node(s) didn't match pod topology spread constraints.{_AFTER}",
    ),
    _scheduler("anti-affinity", "anti-affinity", "anti", f"{NONE}6 node(s) didn't match pod anti-affinity rules."),
    _scheduler(
        "volume zone", "volume-in-other-zone", "volume", f"{NONE}6 node(s) had volume node affinity conflict.{_AFTER}"
    ),
    _scheduler(
        "volume of one pod",
        "volume-in-use",
        "ReadWriteOncePod",
        f"{NONE}6 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode.",
    ),
    _scheduler("volume limit", "node-volume-limit", "volume", f"{NONE}6 node(s) exceed max volume count.{_AFTER}"),
    _scheduler(
        "claim missing",
        "volume-claim-missing",
        "weights",
        f'{NONE}persistentvolumeclaim "weights" not found.{_AFTER}',
    ),
    _scheduler(
        "claim being deleted",
        "volume-claim-missing",
        "weights",
        f'{NONE}persistentvolumeclaim "weights" is being deleted.{_AFTER}',
    ),
    _scheduler(
        "volume of the claim gone",
        "volume-claim-missing",
        "weights",
        f'{NONE}persistentvolumeclaim "weights" bound to non-existent persistentvolume "pvc-1".{_AFTER}',
    ),
    _scheduler("device claim", "device-claim-not-allocated", "claim", f"{NONE}6 cannot allocate all claims.{_AFTER}"),
    _scheduler(
        "device claim not made",
        "device-claim-not-allocated",
        "claim",
        f"{NONE}waiting for resource claim to be created.",
    ),
    _scheduler(
        "device class missing",
        "device-claim-not-allocated",
        "gpu.nvidia.com",
        f"{NONE}6 request gpu: device class gpu.nvidia.com does not exist.{_AFTER}",
    ),
    _scheduler(
        "gang of another scheduler",
        "gang-incomplete",
        "minMember",
        "0/6 nodes are available: pre-filter pod chat-2 cannot find enough sibling pods, current pods number: 1, "
        "minMember of group: 4.",
    ),
    _scheduler(
        "gang of volcano",
        "gang-incomplete",
        "minAvailable",
        "pod group is not ready, 1 Pending, 2 minAvailable; Pending: 1 Unschedulable",
    ),
    _scheduler(
        "gang of kubernetes",
        "gang-incomplete",
        "minCount",
        "waiting for minCount pods from a gang to appear in scheduling queue",
    ),
    _scheduler(
        "extender",
        "unschedulable",
        "CardInsufficientMemory",
        f"{NONE}2 CardInsufficientMemory, 4 NodeUnfitPod.{_AFTER}",
    ),
    _scheduler(
        "scheduler error",
        "unschedulable",
        "connection refused",
        'running PreBind plugin "VolumeBinding": binding volumes: dial tcp 10.0.0.1:443: connect: connection refused',
        "SchedulerError",
    ),
    Failure(
        "storage class missing",
        "volume-not-provisioned",
        POD,
        'storageclass.storage.k8s.io "fast" not found',
        _claim("ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found'),
    ),
    Failure(
        "provisioner fails",
        "volume-not-provisioned",
        POD,
        "quota",
        _claim(
            "ProvisioningFailed",
            'failed to provision volume with StorageClass "premium": rpc error: code = ResourceExhausted desc = quota '
            "'SSD_TOTAL_GB' exceeded",
        ),
    ),
    Failure(
        "no volume for a claim without class",
        "volume-not-provisioned",
        POD,
        "no persistent volumes available",
        _claim("FailedBinding", "no persistent volumes available for this claim and no storage class is set"),
    ),
    Failure(
        "provisioner missing",
        "volume-not-provisioned",
        POD,
        "ebs.csi.aws.com",
        _claim(
            "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by "
            "the system administrator. If volume creation is delayed, please verify that the provisioner is running "
            "and correctly registered.",
            normal=True,
        ),
    ),
    Failure(
        "claim lost its volume",
        "volume-not-provisioned",
        POD,
        "lost",
        _claim("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!"),
    ),
)
