"""Pods that do not start, do not stay or do not end."""

from __future__ import annotations

from tests.eval import pods
from tests.eval.case import Case
from tests.eval.plots import crashing, keys, not_starting
from tests.eval.registry import EVENTS, kind


@kind("volume-not-mounted", "the export of the weights does not answer", needs=(EVENTS,))
def not_mounted(case: Case) -> None:
    told = (
        'MountVolume.SetUp failed for volume "weights" : mount failed: exit status 32: mount.nfs: Connection timed out'
    )
    not_starting(
        case,
        "ContainerCreating",
        "",
        ("volume-not-mounted", "mount-fails", "volume-not-attached"),
        says="volume|mount",
        evidence=("MountVolume|mount",),
        event=("FailedMount", told),
        actions=("describe", "nodes"),
    )


@kind("image-not-found", "a new revision names an image that is not there")
def image_not_found(case: Case) -> None:
    told = 'rpc error: code = NotFound desc = failed to pull "docker.io/vllm/vllm-openai:v0.32.9": not found'
    not_starting(
        case,
        "ImagePullBackOff",
        f'Back-off pulling image "vllm/vllm-openai:v0.32.9": ErrImagePull: {told}',
        ("image-not-found", "image-not-pulled"),
        says="image",
        evidence=("ImagePull|image", "not found"),
        event=("Failed", f"Failed to pull image: {told}"),
    )


@kind("sandbox-not-created", "the network plugin of a node has no more addresses", needs=(EVENTS,))
def sandbox(case: Case) -> None:
    told = "Failed to create pod sandbox: plugin type=cni failed: no IP addresses available in range set"
    not_starting(
        case,
        "ContainerCreating",
        "",
        ("sandbox-not-created", "pod-network-fails"),
        says="sandbox|network|address",
        evidence=("sandbox|addresses",),
        event=("FailedCreatePodSandBox", told),
        actions=("describe", "nodes", "cordon"),
    )


@kind("segfault", "an engine ends by signal 11 a minute after each start")
def segfault(case: Case) -> None:
    crashing(
        case,
        139,
        "Error",
        ("crash-loop", "segfault"),
        says="dies|crash|signal",
        evidence=("CrashLoopBackOff", "139|signal"),
    )


@kind("model-loads-for-too-long", "a replica has loaded for 25 minutes; its peers took two", lasts=600)
def loads_long(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    case.edit_pod(-85, top, pod, lambda raw, now: pods.starting(raw, now - 900))
    case.fault(
        ("model-loads-for-too-long", "load-slow", "start-slow"),
        *keys(top, pod),
        says="load|start",
        evidence=("load|start",),
        actions=("logs", "describe", "nodes"),
    )


@kind(
    "all-replicas-start",
    "all pods of a model were deleted at once: nobody serves until the weights are loaded",
    lasts=300,
)
def cold_start(case: Case) -> None:
    top = case.workload()
    new = []
    for number, old in enumerate(case.pods(top)):
        where = case.node_of(top, old)
        name = case.new_pod(2 + 0.1 * number, top, lambda raw, now, node=where: pods.placed(raw, now, node))  # type: ignore[misc]
        case.edit_pod(6, top, name, pods.starting)
        case.at(0, lambda _, place=("Pod", top.namespace, old): case.remove(*place))  # type: ignore[misc]
        new.append(name)
    case.fault(
        ("all-replicas-start", "no-replica-ready-yet", "cold-start"),
        *keys(top, *new),
        says="no replica is ready|start at once|nobody serves",
        evidence=("ready",),
        actions=("past", "describe", "logs"),
        after=2,
    )


@kind("image-wrong-architecture", "the image is for another processor: exec format error at every start")
def wrong_architecture(case: Case) -> None:
    crashing(
        case,
        255,
        "Error",
        # Two ids for one fault, the architecture of the image, which "exec format error" proves. Each is more precise
        # than the crash loop that follows from it.
        ("image-wrong-architecture", "image-architecture-wrong", "crash-loop"),
        says="architecture|dies|crash",
        evidence=("CrashLoopBackOff", "exec format error"),
        message="exec /usr/local/bin/vllm: exec format error",
    )


@kind("stuck-terminating", "a pod has been leaving for ten minutes beyond its grace", lasts=600)
def terminating(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    case.edit_pod(0, top, pod, lambda raw, now: pods.leaving(raw, now - 120, 60))
    case.fault(
        ("stuck-terminating", "pod-does-not-end"),
        *keys(top, pod),
        says="terminat|leav|delet",
        evidence=("delet|grace|terminat",),
        actions=("describe", "nodes", "logs"),
    )
