"""Pods that come, go or move while nothing is measured of them: most of a rollout.

Such a pod moves no engine or GPU to another row, so rows and frames are kept. Only what follows from the cluster alone
is recomputed: owners, what a workload serves by its pods, free GPUs, and unmeasured pods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from fleet.metrics.products import exports_gpus
from fleet.model.differences import kept
from fleet.model.objects import Pod
from fleet.model.snapshot import GpuUse
from fleet.snapshot.gpu_accounting import free_gpus, uses
from fleet.snapshot.serving import products_of, served_by
from fleet.snapshot.topology import Topology
from fleet.snapshot.unmatched import unmeasured_and_unheld
from fleet.snapshot.unmeasured import unmeasured
from fleet.sources.kube.state import KubeState

T = TypeVar("T")

_LINKS = 3
"""Owner links followed upwards from a pod: ReplicaSet, Deployment, and its creator."""


def with_pods(before: Topology, kube: KubeState, moved: Sequence[str], gone: Sequence[str]) -> Topology | None:
    """Return the same joins with the current pods; None if a full join is needed.

    ``moved`` are the keys of new pods, and of those with more than a changed status, in order; everything except pods
    is unchanged.
    """
    was, pods = before.kube.pods, kube.pods
    rows = [was[key] for key in (*moved, *gone) if key in was] + [pods[key] for key in moved]
    if not _measured_alike(before, kube, [*moved, *gone], rows):
        return None
    workload_of = _workloads_of(before, kube, moved)
    if workload_of is None or any(before.workload_of[key] not in kube.workloads for key in gone):
        return None
    touched = {workload_of[key] for key in moved} | {before.workload_of[key] for key in gone}
    pods_of = _members(before, workload_of, touched, [key for key in moved if key not in was])
    if pods_of.keys() != before.pods_of.keys() or not all(pods_of.values()):
        return None
    serve = served_by(
        {key: before.workloads[key] for key in touched},
        pods_of,
        pods,
        lambda pod: [before.engines[engine].model for engine in before.engines_of.get(pod, ())],
    )
    if any(serve.get(key) != before.served.get(key) for key in touched):
        return None
    excused = unmeasured(pods, workload_of, pods_of, before.measured.unread)
    free, use = _accounted(before, kube) if any(pod.gpus for pod in rows) else (before.free_gpus, before.gpu_use)
    serving = [pods[key] for workload in before.served for key in pods_of.get(workload, ())]
    changed = products_of({key: pods_of[key] for key in touched}, pods, before.engines_of, before.origins)
    others = {
        key: changed.get(key) or before.products.get(key) for key in pods_of if key not in touched or key in changed
    }
    alone = unmeasured_and_unheld(before.measured, kube, serving, before.engines_of, before.gpus_of, excused, use)
    failed = {key for key in moved if pods[key].phase == "Failed"}
    return replace(
        before,
        version=object(),
        touched=None,
        kube=replace(kube, events={}),
        pods=pods,
        workload_of=kept(before.workload_of, workload_of),
        pods_of=kept(before.pods_of, pods_of),
        products=kept(before.products, {key: products for key, products in others.items() if products}),
        free_gpus=kept(before.free_gpus, free),
        gpu_use=kept(before.gpu_use, use),
        unmeasured=kept(before.unmeasured, excused),
        unmatched=kept(before.unmatched, tuple(alone)),
        failed=before.failed.difference(moved, gone) | failed,
    )


def _measured_alike(before: Topology, kube: KubeState, keys: Sequence[str], rows: Sequence[Pod]) -> bool:
    """True if everything measured belongs to the same pods as before, and to none of these."""
    measured, was = before.measured, before.kube.pods
    new = {(pod.namespace, pod.name) for pod in rows if pod.key not in was}
    return (
        not before.gateways
        # No row is invented for an engine whose pod is out of view, and none was found by its address.
        and len(before.pods) == len(was)
        and len(before.engines) == len(measured.engines)
        and all(f"{engine.namespace}/{engine.pod}" in before.engines_of for engine in measured.engines)
        and not any(key in before.engines_of or key in before.gpus_of for key in keys)
        and not any((gpu.namespace, gpu.pod) in new or not new.isdisjoint(gpu.sharers) for gpu in measured.gpus)
        # An exporter's own pod reveals its node.
        and not any(map(exports_gpus, rows))
        and [*kube.pods] == [*(key for key in was if key in kube.pods), *(key for key in keys if key not in was)]
    )


def _workloads_of(before: Topology, kube: KubeState, moved: Sequence[str]) -> Mapping[str, str] | None:
    """Return the workload of each pod; None if one is not listed by the cluster, or has changed."""
    if any(
        row.owner is not None and row.owner.kind == "Pod" for row in chain(kube.workloads.values(), kube.links.values())
    ):
        return None
    homes: dict[str, str] = {}
    for key in moved:
        home = _listed_workload(kube.pods[key], kube)
        if home is None or before.workload_of.get(key, home) != home:
            return None
        homes[key] = home
    return {key: homes.get(key) or before.workload_of[key] for key in kube.pods}


def _listed_workload(pod: Pod, kube: KubeState) -> str | None:
    """Return the workload at the top of a pod's owners, if all of them are listed."""
    key, owner = "", pod.owner
    for _ in range(_LINKS):
        if owner is None:
            break
        key = f"{pod.namespace}/{owner.kind}/{owner.name}"
        row = kube.links.get(key) or kube.workloads.get(key)
        if row is None or row.uid != owner.uid:
            return None
        owner = row.owner
    return key if owner is None and key in kube.workloads else None


def _members(
    before: Topology, workload_of: Mapping[str, str], touched: set[str], new: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Workload key → its pods, in the order of the first pod of each."""
    found = {workload: before.pods_of.get(workload, ()) for workload in dict.fromkeys(workload_of.values())}
    for workload in touched:
        stay = [key for key in before.pods_of.get(workload, ()) if key in workload_of]
        found[workload] = (*stay, *(key for key in new if workload_of[key] == workload))
    return found


def _accounted(before: Topology, kube: KubeState) -> tuple[Mapping[str, tuple[int, int]], Mapping[str, GpuUse]]:
    """Return the free GPUs of each node, and the use of each GPU."""
    holders: dict[str, list[str]] = {key: [] for key in before.gpus}
    for pod, held in before.gpus_of.items():
        for key in held:
            holders[key].append(pod)
    free = free_gpus(kube)
    return free, uses(kube, free, before.gpus_on, holders)
