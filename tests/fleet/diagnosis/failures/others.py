"""Failures that the other lists have not: a rollout that somebody paused, one Service for two models, volumes of the
kubelet's own, cgroups, compute domains, runtimes that are down, evictions of other controllers.
"""

from __future__ import annotations

import copy
from functools import partial

from simulator.objects import timestamp
from tests.fleet.diagnosis.cluster import (
    SPACE,
    Cluster,
    Failure,
    condition,
    crashing,
    meta,
    pod,
    running,
    unready,
    waiting,
    workload,
)
from tests.fleet.rows import NOW

POD = f"{SPACE}/chat-2"
CHAT = f"{SPACE}/Deployment/chat"
TIMES = (-2, 60, 125, 300, 630)


def _creating(cluster: Cluster, reason: str, message: str) -> None:
    waiting(cluster.pod(), "ContainerCreating")
    for at in TIMES:
        cluster.pod_event(reason, message, at=at)


def _kubelet(name: str, cause: str, says: str, reason: str, message: str) -> Failure:
    return Failure(name, cause, POD, says, partial(_creating, reason=reason, message=message))


def _crash(name: str, cause: str, says: str, code: int, message: str, reason: str = "Error") -> Failure:
    def change(cluster: Cluster) -> None:
        crashing(cluster.pod(), code, reason, message)
        cluster.pod_event("BackOff", "Back-off restarting failed container vllm in pod chat-2")

    return Failure(name, cause, POD, says, change)


def _status_unknown(cluster: Cluster) -> None:
    """A node was rebooted, and what became of the container is not known."""
    raw = cluster.pod()
    unready(raw)
    text = "The container could not be located when the pod was terminated"
    ended = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": text, "finishedAt": timestamp(NOW)}
    raw["status"]["phase"] = "Failed"
    raw["status"]["containerStatuses"] = [running("vllm", ready=False, started=False, state={"terminated": ended})]


def _runtime_down(cluster: Cluster) -> None:
    condition(cluster.node(), "Ready", "False", "KubeletNotReady", "container runtime is down, PLEG is not healthy")
    unready(cluster.pod())


def _kubelet_too_old(cluster: Cluster) -> None:
    text = "Failed to start ContainerManager: system validation failed - wrong number of fields (expected 6, got 7)"
    condition(cluster.node(), "Ready", "False", "KubeletNotReady", text)


def paused(cluster: Cluster, updated: int = 0) -> None:
    """Somebody paused the Deployment, and a later change of its template is not rolled out."""
    cluster.top["spec"]["paused"] = True
    cluster.top["metadata"]["generation"] = 9
    cluster.top["status"] |= {"observedGeneration": 9, "updatedReplicas": updated}
    condition(cluster.top, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", at=-7000)


def mixed(cluster: Cluster, service_name: str = "chat", model: str = "coder") -> None:
    """The Service of a model selects by a label that the pods of another model have, too."""
    for number in range(3):
        cluster.pod(number)["metadata"]["labels"]["part-of"] = "llm"
    cluster.put(workload("Deployment", "code", 1))
    cluster.put(workload("ReplicaSet", "code-7c9", 1, owner=("Deployment", "code")))
    other = copy.deepcopy(pod("code-0", ("ReplicaSet", "code-7c9"), "n0"))
    other["metadata"]["labels"] |= {"app": "code", "part-of": "llm"}
    other["spec"]["containers"][0]["args"] = ["--model", model]
    other["status"]["podIP"] = "10.0.0.77"
    cluster.put(other)
    service = {"kind": "Service", "metadata": meta(service_name)}
    service["spec"] = {"selector": {"part-of": "llm"}, "ports": [{"port": 80, "targetPort": 8000}], "type": "ClusterIP"}
    cluster.put(service)


def _evicted_by(cluster: Cluster, reason: str, text: str) -> None:
    """Something evicts the pods of the workload again and again, each time for a new one that loads."""
    for at in (-2, 120, 300, 500, 630):
        cluster.pod_event(reason, text, at=at, normal=True)


_SETUP = "MountVolume.SetUp failed for volume "

FAILURES = (
    _kubelet(
        "token of its account",
        "volume-source-missing",
        "serviceaccount",
        "FailedMount",
        _SETUP + '"kube-api-access-x7k2p" : failed to fetch token: serviceaccounts "chat" not found',
    ),
    _kubelet(
        "kubelet cannot read a config map",
        "volume-not-mounted",
        "timed out",
        "FailedMount",
        _SETUP + '"template" : failed to sync configmap cache: timed out waiting for the condition',
    ),
    _kubelet(
        "stale file handle",
        "volume-not-mounted",
        "stale",
        "FailedMount",
        _SETUP + '"weights" : stat /var/lib/kubelet/pods/1/volumes/kubernetes.io~nfs/weights: stale NFS file handle',
    ),
    _kubelet(
        "file system broken",
        "volume-not-mounted",
        "fsck",
        "FailedMount",
        "MountVolume.MountDevice failed for volume \"pvc-1\" : rpc error: code = Internal desc = 'fsck' found errors "
        "on device /dev/nvme3n1 but could not correct them",
    ),
    _kubelet(
        "cgroup",
        "pod-reported",
        "no space left on device",
        "FailedCreatePodContainer",
        "unable to ensure pod container exists: failed to create container for [kubepods burstable pod1]: mkdir "
        "/sys/fs/cgroup/memory/kubepods/burstable/pod1: no space left on device",
    ),
    _kubelet(
        "no runtime handler",
        "sandbox-not-created",
        "nvidia",
        "FailedCreatePodSandBox",
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for "
        '"nvidia" is configured',
    ),
    _kubelet(
        "compute domain",
        "device-claim-not-prepared",
        "ComputeDomain",
        "FailedPrepareDynamicResources",
        "Failed to prepare dynamic resources: NodePrepareResources failed for ResourceClaim chat-imex: error preparing "
        "devices: ComputeDomain node not ready: IMEX daemon not running on 3 of 18 nodes",
    ),
    _crash(
        "driver was updated below",
        "container-cannot-start",
        "version mismatch",
        128,
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
        "unable to start container process: error during container init: error running prestart hook #0: exit status "
        "1, stderr: nvidia-container-cli: initialization error: nvml error: driver/library version mismatch: unknown",
        "StartError",
    ),
    _crash(
        "memory limit too low to start",
        "container-cannot-start",
        "OOM-killed",
        128,
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
        "unable to start container process: container init was OOM-killed (memory limit too low?): unknown",
        "StartError",
    ),
    _crash(
        "security profile missing",
        "container-cannot-start",
        "seccomp|apparmor",
        128,
        "failed to create containerd task: cannot load seccomp profile "
        '"/var/lib/kubelet/seccomp/profiles/llm.json": no such file or directory',
        "StartError",
    ),
    Failure("status unknown after a reboot", "pod-failed", POD, "could not be located", _status_unknown),
    Failure("container runtime is down", "node-not-ready", "n2", "container runtime is down", _runtime_down),
    Failure("kubelet does not start", "node-not-ready", "n2", "ContainerManager", _kubelet_too_old),
    Failure("paused and changed", "rollout-paused", CHAT, "paused", paused),
    Failure("one service for two models", "service-mixes-models", CHAT, "coder", mixed),
    Failure(
        "evicted by the vertical autoscaler",
        "pods-taken-away-again",
        CHAT,
        "VPA",
        partial(
            _evicted_by, reason="EvictedByVPA", text="Pod was evicted by VPA Updater to apply resource recommendation."
        ),
    ),
    Failure(
        "evicted by the descheduler",
        "pods-taken-away-again",
        CHAT,
        "Descheduled|descheduler",
        partial(
            _evicted_by,
            reason="LowNodeUtilization",
            text="pod eviction from n2 node by sigs.k8s.io/descheduler",
        ),
    ),
)
