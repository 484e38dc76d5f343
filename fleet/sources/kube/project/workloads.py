"""Raw Deployment, ReplicaSet, StatefulSet, DaemonSet, LeaderWorkerSet → :class:`~fleet.model.objects.Workload`."""

from __future__ import annotations

from fleet.model.objects import Workload
from fleet.sources.kube.project.fields import Interner, Raw, conditions, integer, mapping, moment, owner, text
from fleet.sources.kube.project.gpu import pod_gpus
from fleet.sources.kube.project.model_version import model_version
from fleet.sources.kube.project.notes import is_note

REVISION = "deployment.kubernetes.io/revision"


def project_deployment(raw: Raw, interner: Interner) -> Workload:
    """The row of a Deployment."""
    spec, status = mapping(raw, "spec"), mapping(raw, "status")
    return _workload(
        "Deployment",
        raw,
        interner,
        desired=integer(spec, "replicas", 1),
        ready=integer(status, "readyReplicas"),
        updated=integer(status, "updatedReplicas"),
        available=integer(status, "availableReplicas"),
        revision=text(mapping(mapping(raw, "metadata"), "annotations"), REVISION),
        strategy=text(mapping(spec, "strategy"), "type"),
    )


def project_replica_set(raw: Raw, interner: Interner) -> Workload:
    """The row of a ReplicaSet: a revision of a Deployment."""
    spec, status = mapping(raw, "spec"), mapping(raw, "status")
    return _workload(
        "ReplicaSet",
        raw,
        interner,
        desired=integer(spec, "replicas", 1),
        ready=integer(status, "readyReplicas"),
        updated=integer(status, "replicas"),
        available=integer(status, "availableReplicas"),
        revision=text(mapping(mapping(raw, "metadata"), "annotations"), REVISION),
    )


def project_stateful_set(raw: Raw, interner: Interner) -> Workload:
    """The row of a StatefulSet."""
    spec, status = mapping(raw, "spec"), mapping(raw, "status")
    return _workload(
        "StatefulSet",
        raw,
        interner,
        desired=integer(spec, "replicas", 1),
        ready=integer(status, "readyReplicas"),
        updated=integer(status, "updatedReplicas"),
        available=integer(status, "availableReplicas"),
        revision=text(status, "updateRevision"),
        strategy=text(mapping(spec, "updateStrategy"), "type"),
    )


def project_daemon_set(raw: Raw, interner: Interner) -> Workload:
    """The row of a DaemonSet: what it wants is the number of nodes that it fits."""
    spec, status = mapping(raw, "spec"), mapping(raw, "status")
    return _workload(
        "DaemonSet",
        raw,
        interner,
        desired=integer(status, "desiredNumberScheduled"),
        ready=integer(status, "numberReady"),
        updated=integer(status, "updatedNumberScheduled"),
        available=integer(status, "numberAvailable"),
        strategy=text(mapping(spec, "updateStrategy"), "type"),
    )


def project_leader_worker_set(raw: Raw, interner: Interner) -> Workload:
    """The row of a LeaderWorkerSet (leaderworkerset.x-k8s.io/v1). A replica is a group: one leader and its workers."""
    spec, status = mapping(raw, "spec"), mapping(raw, "status")
    template = mapping(spec, "leaderWorkerTemplate")
    worker = mapping(template, "workerTemplate")
    leader = mapping(template, "leaderTemplate") or worker
    workers = max(integer(template, "size", 1) - 1, 0)
    ready = integer(status, "readyReplicas")
    return _workload(
        "LeaderWorkerSet",
        raw,
        interner,
        desired=integer(spec, "replicas", 1),
        ready=ready,
        updated=integer(status, "updatedReplicas"),
        available=ready,
        strategy=text(mapping(spec, "rolloutStrategy"), "type"),
        template=leader,
        more_gpus=workers * pod_gpus(mapping(worker, "spec"))[0],
    )


def _workload(
    kind: str,
    raw: Raw,
    interner: Interner,
    *,
    desired: int,
    ready: int,
    updated: int,
    available: int,
    revision: str = "",
    strategy: str = "",
    template: Raw | None = None,
    more_gpus: int = 0,
) -> Workload:
    metadata, spec, status = mapping(raw, "metadata"), mapping(raw, "spec"), mapping(raw, "status")
    share = interner.share
    pod_spec = mapping(template if template is not None else mapping(spec, "template"), "spec")
    return Workload(
        kind=kind,
        namespace=share(text(metadata, "namespace")),
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        resource_version=text(metadata, "resourceVersion"),
        created=moment(metadata, "creationTimestamp") or 0.0,
        desired=desired,
        ready=ready,
        updated=updated,
        available=available,
        generation=integer(metadata, "generation"),
        observed_generation=integer(status, "observedGeneration"),
        revision=revision,
        paused=spec.get("paused") is True,
        owner=share(owner(metadata)),
        labels=interner.strings(metadata.get("labels")),
        annotations=interner.strings(metadata.get("annotations"), is_note),
        selector=interner.strings(mapping(spec, "selector").get("matchLabels")),
        conditions=conditions(status, interner),
        strategy=share(strategy),
        gpus=pod_gpus(pod_spec)[0] + more_gpus,
        version=model_version(pod_spec, {}, interner),
    )
