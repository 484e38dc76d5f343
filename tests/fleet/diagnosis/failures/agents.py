"""Agents of nodes (device plugin, driver, network, volumes) that fail, and what their nodes lack because of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.fleet.diagnosis.cluster import (
    GPU,
    SPACE,
    Cluster,
    Failure,
    condition,
    crashing,
    meta,
    pod,
    running,
    unplaced,
    waiting,
)

Raw = dict[str, Any]
PLUGIN, DRIVER = "nvidia-device-plugin-daemonset", "nvidia-driver-daemonset"


def agent(cluster: Cluster, name: str, image: str) -> Raw:
    """A DaemonSet with a pod on each node; return the pod of the last node, which is younger than the others."""
    container = {"name": name, "image": image}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    counts = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
    status = dict.fromkeys(counts, 3) | {"observedGeneration": 1}
    body = {"template": template, "selector": {"matchLabels": {"app": name}}}
    cluster.put({"kind": "DaemonSet", "metadata": meta(name) | {"generation": 1}, "spec": body, "status": status})
    for number in range(3):
        one = pod(f"{name}-{number}", ("DaemonSet", name), f"n{number}")
        one["metadata"]["labels"] = {"app": name}
        one["spec"]["containers"] = [container]
        one["status"]["containerStatuses"] = [running(name)]
        cluster.put(one)
    return cluster.raws["Pod", SPACE, f"{name}-2"]


def no_gpus(cluster: Cluster) -> None:
    """The last node offers no GPUs any more; those that run keep theirs."""
    cluster.node()["status"] |= {"allocatable": {GPU: "0"}, "capacity": {GPU: "8"}}


def _plugin_crashes(cluster: Cluster) -> None:
    plugin = agent(cluster, PLUGIN, "nvcr.io/nvidia/k8s-device-plugin:v0.18.0")
    crashing(plugin, 1, name=PLUGIN)
    no_gpus(cluster)


def _plugin_crashes_and_a_pod_waits(cluster: Cluster) -> None:
    _plugin_crashes(cluster)
    unplaced(cluster.pod(), "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")


def _plugin_has_no_image(cluster: Cluster) -> None:
    plugin = agent(cluster, PLUGIN, "nvcr.io/nvidia/k8s-device-plugin:v0.18.0")
    waiting(plugin, "ImagePullBackOff", 'Back-off pulling image "nvcr.io/nvidia/k8s-device-plugin:v0.18.0"')
    plugin["status"]["containerStatuses"][0]["name"] = PLUGIN
    no_gpus(cluster)


def _driver_crashes(cluster: Cluster) -> None:
    driver = agent(cluster, DRIVER, "nvcr.io/nvidia/driver:580.95.05-ubuntu24.04")
    crashing(driver, 1, name=DRIVER)
    no_gpus(cluster)


def _network(cluster: Cluster) -> None:
    network = agent(cluster, "cilium", "quay.io/cilium/cilium:v1.18.2")
    crashing(network, 1, name="cilium")
    _created_without(
        cluster,
        "FailedCreatePodSandBox",
        'Failed to create pod sandbox: plugin type="cilium-cni" failed (add): unable to connect to Cilium agent',
    )


def _volumes(cluster: Cluster) -> None:
    driver = agent(cluster, "ebs-csi-node", "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver:v1.50.0")
    crashing(driver, 1, name="ebs-csi-node")
    _created_without(
        cluster,
        "FailedMount",
        'MountVolume.MountDevice failed for volume "pvc-1": kubernetes.io/csi: attacher.MountDevice failed to create '
        "newCsiDriverClient: driver name ebs.csi.aws.com not found in the list of registered CSI drivers",
    )


def _created_without(cluster: Cluster, reason: str, message: str) -> None:
    waiting(cluster.pod(), "ContainerCreating")
    for at in (-2, 60, 125, 300, 630):
        cluster.pod_event(reason, message, at=at)


def _driver_is_gone(cluster: Cluster) -> None:
    """The driver's agent fails on one node, where a new engine finds no GPU: a condition of the node agrees."""
    _driver_crashes(cluster)
    condition(cluster.node(), "GpuDriverHealthy", "False", "DriverNotLoaded", "nvidia-smi failed")


def _fails(name: str, of: str, says: str, change: Callable[[Cluster], None], cause: str = "crash-loop") -> Failure:
    return Failure(name, cause, f"{SPACE}/{of}-2", says, change)


FAILURES = (
    _fails("device plugin crashes", PLUGIN, "CrashLoopBackOff", _plugin_crashes),
    _fails("device plugin crashes and a pod waits", PLUGIN, "CrashLoopBackOff", _plugin_crashes_and_a_pod_waits),
    _fails("device plugin without its image", PLUGIN, "ImagePull", _plugin_has_no_image, "image-not-pulled"),
    _fails("driver container crashes", DRIVER, "CrashLoopBackOff", _driver_crashes),
    _fails("driver crashes, and an agent says so", DRIVER, "CrashLoopBackOff", _driver_is_gone),
    _fails("network agent crashes", "cilium", "CrashLoopBackOff", partial(_network)),
    _fails("volume driver crashes", "ebs-csi-node", "CrashLoopBackOff", _volumes),
)
