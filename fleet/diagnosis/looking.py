"""Subjects of signs, taken from a Snapshot."""

from __future__ import annotations

from typing import Any

from fleet.diagnosis.cause import Of
from fleet.diagnosis.peers import replica_of
from fleet.diagnosis.sign import MetricsRow
from fleet.diagnosis.subject import PodSubject, WorkloadSubject
from fleet.model.snapshot import Severity, Snapshot

_PODS = frozenset({Of.POD, Of.ENGINE, Of.REPLICA})
"""Kinds whose key is that of a pod."""


def subject_of(snapshot: Snapshot, kind: Of, key: str) -> Any:
    """Return what is looked at of an object, by its kind; None for what is not there, or has no numbers."""
    match kind:
        case Of.ENGINE:
            at = snapshot.by_pod.index.get(key)
            return None if at is None else MetricsRow(snapshot.by_pod, at)
        case Of.GPU:
            at = snapshot.by_gpu.index.get(key)
            return None if at is None else MetricsRow(snapshot.by_gpu, at, snapshot.throttle_reasons)
        case Of.REPLICA:
            return replica_of(snapshot, key)
        case Of.SOURCE:
            return snapshot.source(key)
        case Of.POD:
            pod = snapshot.pods.get(key)
            serving = snapshot.workload_of.get(key) in snapshot.model_of
            return None if pod is None else PodSubject(pod, serving, key in snapshot.engines_of)
        case Of.NODE:
            return snapshot.nodes.get(key)
        case Of.WORKLOAD:
            return _workload(snapshot, key)


def _workload(snapshot: Snapshot, key: str) -> WorkloadSubject | None:
    workload = snapshot.workloads.get(key)
    if workload is None:
        return None
    keys = [pod for pod in snapshot.pods_of.get(key, ()) if pod in snapshot.assessments]
    stands = [snapshot.assessments[pod] for pod in keys]
    ready = [snapshot.pods[pod].ready and snapshot.pods[pod].deleted is None for pod in keys]
    serving = [up and one.severity is not Severity.CRITICAL for up, one in zip(ready, stands, strict=True)]
    return WorkloadSubject(workload, stands, sum(ready), sum(serving))


def keys_beside(snapshot: Snapshot, kind: Of, key: str, other: Of) -> tuple[str, ...]:
    """The keys of the objects of another kind on which an object stands, itself where it is of that kind; the pods of a
    workload."""
    if kind is other or {kind, other} <= _PODS:
        return (key,)
    pod = snapshot.pods.get(key)
    match kind, other:
        case ((Of.POD | Of.ENGINE | Of.REPLICA), Of.GPU):
            return snapshot.gpus_of.get(key, ())
        case ((Of.POD | Of.ENGINE | Of.REPLICA), Of.NODE):
            return (pod.node,) if pod is not None and pod.node in snapshot.nodes else ()
        case Of.WORKLOAD, (Of.POD | Of.ENGINE | Of.REPLICA):
            return snapshot.pods_of.get(key, ())
        case Of.GPU, Of.NODE:
            gpu = snapshot.gpus.get(key)
            return (gpu.node,) if gpu is not None and gpu.node in snapshot.nodes else ()
    return ()
