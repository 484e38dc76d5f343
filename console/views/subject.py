"""The object behind the key of a row."""

from __future__ import annotations

from collections.abc import Sequence

from console.views.identity_cache import IdentityCache
from fleet.model.in_past import is_past
from fleet.model.objects import ObjectRef
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity, rank
from fleet.model.snapshot import Assessment, GpuUse, Join, Snapshot, Unmatched


def ref_of(snapshot: Snapshot, key: str) -> ObjectRef | None:
    """Return the Kubernetes object behind a key; None if Kubernetes has none (an engine without a pod).

    A GPU stands for the pod that holds it, a free one for its node.
    """
    pod = snapshot.pods.get(key)
    if pod is not None:
        return snapshot.ref("Pod", pod.namespace, pod.name) if pod.uid else None
    workload = snapshot.workloads.get(key)
    if workload is not None:
        return snapshot.ref(workload.kind, workload.namespace, workload.name) if workload.uid else None
    if key in snapshot.nodes:
        return snapshot.ref("Node", "", key)
    gpu = snapshot.gpus.get(key)
    if gpu is None:
        return None
    return ref_of(snapshot, f"{gpu.namespace}/{gpu.pod}" if gpu.pod else gpu.node)


def is_somewhere(snapshot: Snapshot, key: str) -> bool:
    """True if an object is in the cluster, in view or not: what is out of view is not gone."""
    whole = snapshot.everything
    return any(key in rows for rows in (whole.pods, whole.workloads, whole.nodes, whole.gpus))


def pod_for(snapshot: Snapshot, key: str) -> str | None:
    """Return the pod whose logs are most relevant for this object: a workload's worst, a GPU's holder."""
    if key in snapshot.pods:
        return key
    members = snapshot.pods_of.get(key)
    if members:
        return _WORST.get(key, (snapshot.assessments, snapshot.pods_of), lambda: worst_pod(snapshot, members))
    gpu = snapshot.gpus.get(key)
    if gpu is not None and f"{gpu.namespace}/{gpu.pod}" in snapshot.pods:
        return f"{gpu.namespace}/{gpu.pod}"
    return None


def worst_pod(snapshot: Snapshot, pods: Sequence[str]) -> str:
    """Return the worst of these pods; ``pods`` are keys, at least one."""
    assessments = snapshot.assessments
    ranks = [rank(assessments.get(pod, UNASSESSED).severity) for pod in pods]
    return pods[ranks.index(min(ranks))]


def restarts_of(snapshot: Snapshot, key: str) -> int:
    """Return the restarts of a pod, or of all the pods of a workload."""
    pods = snapshot.pods
    pod = pods.get(key)
    if pod is not None:
        return pod.restarts
    of = (pods, snapshot.pods_of)
    return _RESTARTS.get(key, of, lambda: sum(pods[member].restarts for member in snapshot.pods_of.get(key, ())))


def has_pod(snapshot: Snapshot, key: str) -> bool:
    """True where ``pod_for`` finds one; this does not look for the worst."""
    return bool(snapshot.pods_of.get(key)) or pod_for(snapshot, key) is not None


def place_of(snapshot: Snapshot, key: str | None) -> str | None:
    """Return where on the screen of nodes an object is: its first GPU, else its node."""
    if key is None or key in snapshot.nodes or key in snapshot.gpus:
        return key
    pod = snapshot.pods.get(pod_for(snapshot, key) or "")
    if pod is None:
        return None
    gpus = snapshot.gpus_of.get(pod.key)
    return gpus[0] if gpus else pod.node or None


TROUBLE = frozenset({Severity.CRITICAL, Severity.WARNING})
UNASSESSED = Assessment(Severity.UNKNOWN)
_WORST: IdentityCache[str] = IdentityCache()
_RESTARTS: IdentityCache[int] = IdentityCache()


def assessment_of(snapshot: Snapshot, key: str) -> Assessment:
    """Return an object's assessment; unknown if it has none."""
    return snapshot.assessments.get(key, UNASSESSED)


def reason_of(snapshot: Snapshot, key: str) -> str:
    """Return the reason for a pod's or workload's severity; a GPU fault comes before its effect on the pod."""
    own = assessment_of(snapshot, key)
    pod = pod_for(snapshot, key) if own.severity in TROUBLE else None
    if pod is None or assessment_of(snapshot, pod).reason != own.reason:
        return own.reason
    for gpu in snapshot.gpus_of.get(pod, ()):
        fault = assessment_of(snapshot, gpu)
        if fault.severity is Severity.CRITICAL and fault.reason not in own.reason:
            return f"{fault.reason}, {own.reason}" if own.reason else fault.reason
    return own.reason


_QUEUES: IdentityCache[str] = IdentityCache()
_FEWEST = 4
"""Fewest points for a trend; with fewer, its code is not even imported."""


def queue_text(snapshot: Snapshot, key: str) -> str:
    """``grows 1.8/s, TTFT passes 2.5s in 4m`` of a workload; empty where its queue neither grows nor drains."""
    if key not in snapshot.model_of or len(snapshot.history.strip(key, Quantity.WAITING, _FEWEST)) < _FEWEST:
        return ""
    # A history does not change between two measurements.
    of = (snapshot.by_workload.columns, snapshot.model_of)
    return _QUEUES.get(key, of, lambda: _queue(snapshot, key))


def _queue(snapshot: Snapshot, key: str) -> str:
    # The join of objectives is imported for the first growing queue: most fleets start without one.
    from console.views.objectives import rows_of
    from fleet.objectives.objective import DEFAULTS
    from fleet.objectives.queue_growth import growth_text, outlook, trend_of

    if trend_of(snapshot, key) is None:
        return ""
    # No recording has the objectives that applied.
    promises = tuple(row.budget.objective for row in rows_of(snapshot, key)) or (() if is_past(snapshot) else DEFAULTS)
    found = outlook(snapshot, key, promises)
    return growth_text(found) if found is not None else ""


def sick_holder(snapshot: Snapshot, gpu: str) -> str:
    """Return the key of the pod that holds a GPU where something is wrong with that pod; empty otherwise."""
    held = snapshot.gpus[gpu]
    pod = f"{held.namespace}/{held.pod}" if held.pod else ""
    return pod if pod and assessment_of(snapshot, pod).severity in TROUBLE else ""


def gpu_severity(snapshot: Snapshot, gpu: str) -> Severity:
    """Return a GPU's severity; for a healthy one, that of the pod that holds it: the card of a hung engine is warm and
    busy.
    """
    own = assessment_of(snapshot, gpu).severity
    pod = sick_holder(snapshot, gpu)
    return min(own, assessment_of(snapshot, pod).severity, key=rank) if pod else own


def is_free_gpu(snapshot: Snapshot, unmatched: Unmatched) -> bool:
    """True if a GPU has no pod because nobody holds it, which is no problem."""
    return unmatched.join is Join.GPU_WITHOUT_POD and snapshot.use_of(unmatched.key) is GpuUse.FREE
