"""The garbage collector: dependents are deleted after their owner (background propagation)."""

from __future__ import annotations

from simulator.cluster import Cluster
from simulator.objects import Object

_OWNED = (
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "ControllerRevision"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
)
"""The kinds, besides pods, that controllers make for other objects."""


def collect(cluster: Cluster, now: float) -> None:
    """Delete the dependents of removed objects, pods included."""
    for api_version, kind in _OWNED:
        for (namespace, name), entry in list(cluster.store.table(api_version, kind).entries.items()):
            references = entry.obj["metadata"].get("ownerReferences") or ()
            if references and not any(_exists(cluster, namespace, reference) for reference in references):
                cluster.store.delete(api_version, kind, namespace, name)
    for namespace, reference in list(cluster.owned.owners()):
        if not _exists(cluster, namespace, reference):
            for pod in cluster.owned.of(reference["uid"]):
                if pod.alive:
                    cluster.terminate(pod, now)


def _exists(cluster: Cluster, namespace: str, reference: Object) -> bool:
    found = cluster.store.get(reference["apiVersion"], reference["kind"], namespace, reference["name"])
    return found is not None and found["metadata"]["uid"] == reference["uid"]
