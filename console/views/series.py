"""The time series of a metrics store that are about what is under the cursor."""

from __future__ import annotations

from collections.abc import Iterable

from fleet.metrics.promql import pattern
from fleet.model.curve import Series
from fleet.model.objects import Pod
from fleet.model.snapshot import Snapshot

_RANDOM = "bcdfghjklmnpqrstvwxz2456789"
"""The letters that Kubernetes makes names of (k8s.io/apimachinery, ``rand.String``)."""
_SUFFIX = f"[{_RANDOM}]{{5}}"
_HASH = f"[{_RANDOM}]{{1,10}}"
_TEMPLATE = "pod-template-hash"


def series_of(snapshot: Snapshot, key: str) -> Series | None:
    """The series of a pod, a workload with all the pods that it ever had, or a GPU; None for what has none."""
    whole = snapshot.everything
    pod, workload, gpu = whole.pods.get(key), whole.workloads.get(key), whole.gpus.get(key)
    if pod is not None:
        return _of_pods(whole, pod.namespace, pattern([pod.name]), [pod], is_one=True)
    if workload is not None:
        members = [whole.pods[member] for member in whole.pods_of.get(key, ()) if member in whole.pods]
        names = {_generalized(member, workload.name) for member in members} or _usual(workload.name)
        return _of_pods(whole, workload.namespace, "|".join(sorted(names)), members)
    if gpu is not None:
        return Series(gpu=(gpu.uuid, gpu.instance_id), is_one=True, cluster=whole.cluster.id)
    return None


def _of_pods(snapshot: Snapshot, namespace: str, names: str, pods: Iterable[Pod], *, is_one: bool = False) -> Series:
    engines = [key for pod in pods for key in snapshot.engines_of.get(pod.key, ())]
    ids = [snapshot.engines[key] for key in engines if key in snapshot.engines]
    spoken = (snapshot.origins[key].dialects for key in engines if key in snapshot.origins)
    return Series(
        namespace,
        names,
        tuple(sorted({engine.instance for engine in ids if engine.instance and not engine.pod})),
        products=frozenset(name for names in spoken for name in names),
        is_one=is_one,
        cluster=snapshot.cluster.id,
    )


def _generalized(pod: Pod, workload: str) -> str:
    """The name of a pod with what is drawn or counted anew for each in place of what this one has."""
    stem, rest = (workload, pod.name.removeprefix(f"{workload}-")) if pod.name.startswith(f"{workload}-") else ("", "")
    if not rest:
        stem, _, rest = pod.name.rpartition("-")
    template = pod.labels.get(_TEMPLATE, "")
    out = [pattern([stem])] if stem else []
    for part in rest.split("-"):
        if template and part == template:
            out.append(_HASH)
        elif part.isdigit():
            out.append("[0-9]+")
        elif len(part) == 5 and not set(part) - set(_RANDOM):
            out.append(_SUFFIX)
        else:
            out.append(pattern([part]))
    return "-".join(out)


def _usual(name: str) -> set[str]:
    """The names of the pods of a workload that has none now: those of Deployments, of sets, and of the others."""
    stem = pattern([name])
    return {f"{stem}-{_HASH}-{_SUFFIX}", f"{stem}-[0-9]+", f"{stem}-{_SUFFIX}"}
