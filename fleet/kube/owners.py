"""The owner chain: which workload a pod belongs to.

Pod → ReplicaSet → Deployment; StatefulSet; DaemonSet; LeaderWorkerSet and whatever other controller an ownerReference
names, even one that cannot be listed. A change to anything but the top of the chain is reverted by what owns it
(reference: kubernetes §1.1), so the top is what the console shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from fleet.model.objects import Owner, Pod, Workload

_DEPTH = 8
"""No real chain is longer; a cycle of ownerReferences must not hang the console."""


def top_of(pods: Mapping[str, Pod], workloads: Mapping[str, Workload]) -> tuple[dict[str, str], dict[str, Workload]]:
    """(pod key → key of its top workload, top workloads by key).

    A top that cannot be listed is made up from the reference that names it: kind, name, uid, and as many replicas as it
    has pods. A pod without an owner is its own workload, of kind Pod.
    """
    climbed: dict[str, str] = {}
    made_up: dict[str, Workload] = {}
    workload_of: dict[str, str] = {}
    for key, pod in pods.items():
        if pod.owner is None:
            workload_of[key] = _bare(pod, made_up)
            continue
        start = _key(pod.namespace, pod.owner)
        if start not in climbed:
            climbed[start] = _climb(start, pod, workloads, made_up)
        workload_of[key] = climbed[start]
    replicas = Counter(workload_of.values())
    tops = {key: w for key, w in workloads.items() if w.owner is None and (w.kind != "ReplicaSet" or w.desired)}
    for key in replicas:
        tops[key] = workloads[key] if key in workloads else _counted(made_up[key], replicas[key])
    return workload_of, tops


def _climb(key: str, pod: Pod, workloads: Mapping[str, Workload], made_up: dict[str, Workload]) -> str:
    owner = pod.owner
    for _ in range(_DEPTH):
        found = workloads.get(key)
        if found is None:
            if owner is not None and key not in made_up:
                made_up[key] = Workload(
                    owner.kind, pod.namespace, owner.name, owner.uid, "", created=pod.created, desired=0
                )
            return key
        if found.owner is None:
            return key
        owner = found.owner
        key = _key(found.namespace, owner)
    return key


def _bare(pod: Pod, made_up: dict[str, Workload]) -> str:
    workload = Workload(
        "Pod",
        pod.namespace,
        pod.name,
        pod.uid,
        pod.resource_version,
        created=pod.created,
        desired=1,
        version=pod.version,
        gpus=pod.gpus,
        labels=pod.labels,
    )
    made_up[workload.key] = workload
    return workload.key


def _counted(workload: Workload, replicas: int) -> Workload:
    return Workload(
        workload.kind,
        workload.namespace,
        workload.name,
        workload.uid,
        workload.resource_version,
        created=workload.created,
        desired=workload.desired or replicas,
        version=workload.version,
        gpus=workload.gpus,
        labels=workload.labels,
    )


def _key(namespace: str, owner: Owner) -> str:
    return f"{namespace}/{owner.kind}/{owner.name}"
