"""How a pod, a workload, a node or a GPU stands, in one word and a few more: the glyph and the worst-first order.

These are the plain facts that need no history beyond the window; the catalogue of findings builds on more. A missing
input never makes anything ``ok``: a pod that serves and is not measured is UNKNOWN. What metrics tell of themselves is
in ``fleet.snapshot.signs``.
"""

from __future__ import annotations

from collections.abc import Sequence

from fleet.model.objects import Node, Pod, Workload
from fleet.model.snapshot import Assessment, Severity
from fleet.snapshot.topology import HIDDEN

OK = Assessment(Severity.OK)

_RANK = {
    Severity.CRITICAL: 0,
    Severity.WARNING: 1,
    Severity.UNKNOWN: 2,
    Severity.STARTING: 3,
    Severity.OK: 4,
    Severity.ASLEEP: 5,
    Severity.GONE: 6,
}

_BROKEN = frozenset(
    {
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "OOMKilled",
        "Error",
        "Failed",
        "Evicted",
        "NodeLost",
        "UnexpectedAdmissionError",
    }
)


def rank(severity: Severity) -> int:
    """0 for the worst: what the fleet is sorted by."""
    return _RANK[severity]


def assess_pod(
    pod: Pod,
    sign: Assessment,
    gpus: Sequence[Assessment],
    serving: bool,
    *,
    measured: bool = True,
    unmeasured: str = "",
    replaced: bool = False,
    xids: Sequence[Assessment] = (),
) -> Assessment:
    """One pod: the worst of all that can be said of it. ``sign`` is how it stands by its metrics alone, ``gpus`` how
    its GPUs do; ``serving``: it runs an engine.

    ``measured``: there are metrics of its engine. ``unmeasured`` says why there need not be any. ``replaced``: its
    workload has all its replicas without it. ``xids``: what applications have left in the XID gauges of its GPUs.
    """
    if pod.deleted is not None:
        return Assessment(Severity.GONE, "terminating")
    if pod.phase == "Succeeded":
        return Assessment(Severity.GONE, "completed")
    if not pod.uid:
        hidden = pod.status == HIDDEN
        return Assessment(Severity.UNKNOWN, MAY_NOT_LIST if hidden else "not seen in Kubernetes")
    reason = pod.status.removeprefix("Init:")
    if pod.phase == "Failed" and replaced:
        return Assessment(Severity.GONE, f"left over: {pod.status}")
    if reason in _BROKEN or pod.phase == "Failed":
        return Assessment(Severity.CRITICAL, pod.status)
    if pod.phase == "Pending":
        return _pending(pod)
    own = _own(pod, sign, serving=serving, measured=measured, unmeasured=unmeasured)
    if own.severity in TROUBLED and xids:
        # What an application has left in the gauge stays there for good: it counts beside a trouble, and alone it
        # says nothing of a pod that is well.
        gpus = [*gpus, *xids]
    sick = [gpu for gpu in gpus if gpu.severity in (Severity.CRITICAL, Severity.WARNING)]
    return _worst([own, *sick]) if sick else own


MAY_NOT_LIST = "its pods may not be listed"
TROUBLED = frozenset({Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN})
"""How a pod stands of which nobody can say that it is well."""


def _own(pod: Pod, sign: Assessment, *, serving: bool, measured: bool, unmeasured: str) -> Assessment:
    """What can be said of a running pod without looking at its GPUs."""
    if not pod.ready:
        return _not_ready(pod)
    if not serving:
        return OK
    if not measured:
        return Assessment(Severity.OK, unmeasured) if unmeasured else Assessment(Severity.UNKNOWN, "no metrics")
    return sign


def _worst(found: Sequence[Assessment]) -> Assessment:
    """The worst one, with the reasons of the other troubles beside its own."""
    ordered = sorted(found, key=lambda a: rank(a.severity))
    first, *others = ordered
    if first.severity not in (Severity.CRITICAL, Severity.WARNING):
        return first
    beside = [a.reason for a in others if a.severity in (Severity.CRITICAL, Severity.WARNING) and a.reason]
    return Assessment(first.severity, ", ".join(dict.fromkeys(filter(None, [first.reason, *beside]))))


def _pending(pod: Pod) -> Assessment:
    for condition in pod.conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            if condition.reason == "SchedulingGated":
                return Assessment(Severity.STARTING, "waits for quota")
            short = "no free GPU" if "Insufficient" in condition.message and pod.gpus else "unschedulable"
            return Assessment(Severity.WARNING, short)
    return Assessment(Severity.STARTING, pod.status)


def _not_ready(pod: Pod) -> Assessment:
    main = [c for c in pod.containers if not c.init]
    if any(c.last_reason == "OOMKilled" for c in main):
        return Assessment(Severity.CRITICAL, f"OOMKilled, {pod.restarts} restarts")
    if pod.restarts >= 2:
        return Assessment(Severity.CRITICAL, f"not ready, {pod.restarts} restarts")
    if any(not c.started for c in main):
        return Assessment(Severity.STARTING, "loading")
    return Assessment(Severity.WARNING, "not ready")


def assess_workload(
    workload: Workload, pods: Sequence[Assessment], ready: int, serving: int | None = None, unseen: str = ""
) -> Assessment:
    """One workload: its own counts first, then the worst of its pods (a sick pod of many is not a sick workload).

    ``ready`` are its pods that Kubernetes calls ready, ``serving`` those of them that are not critical: a pod that is
    ready and stuck serves nobody. None for as many. ``unseen``: why its pods are not all known, empty for all.
    """
    if workload.kind == "Pod" and pods and (workload.desired == 0 or pods[0].severity is Severity.GONE):
        # Nobody owes a bare pod a successor: it ends as its only pod does.
        return pods[0]
    if workload.desired == 0:
        return Assessment(Severity.ASLEEP, "scaled to 0")
    for condition in workload.conditions:
        # Other controllers say Progressing=False when there is nothing left to do.
        if condition.type == "Progressing" and condition.reason == "ProgressDeadlineExceeded":
            return Assessment(Severity.CRITICAL if not ready else Severity.WARNING, "rollout stuck")
    if unseen and not pods:
        return Assessment(Severity.UNKNOWN, unseen)
    worst = min(pods, key=lambda a: rank(a.severity), default=Assessment(Severity.OK))
    missing = workload.desired - ready
    if ready == 0 and worst.severity is Severity.UNKNOWN:
        return worst
    if ready == 0:
        severity = Severity.STARTING if worst.severity is Severity.STARTING else Severity.CRITICAL
        return Assessment(severity, worst.reason or "no replica is ready")
    if all(a.severity is Severity.ASLEEP for a in pods):
        return Assessment(Severity.ASLEEP, worst.reason)
    if worst.severity is Severity.CRITICAL:
        lost = workload.desired - (ready if serving is None else serving)
        return Assessment(Severity.CRITICAL if lost * 2 >= workload.desired else Severity.WARNING, worst.reason)
    if worst.severity in (Severity.WARNING, Severity.UNKNOWN):
        return worst
    if missing > 0:
        return Assessment(
            Severity.WARNING if worst.severity is not Severity.STARTING else Severity.STARTING, worst.reason
        )
    said = {a.reason for a in pods}
    return Assessment(Severity.OK, said.pop() if len(said) == 1 else "")


def assess_node(node: Node) -> Assessment:
    """One node, by its conditions."""
    if node.ready != "True":
        return Assessment(Severity.CRITICAL, "not ready" if node.ready == "False" else "kubelet silent")
    pressure = [c.type for c in node.conditions if c.type.endswith("Pressure") and c.status == "True"]
    if pressure:
        return Assessment(Severity.WARNING, ", ".join(pressure))
    if node.unschedulable:
        return Assessment(Severity.WARNING, "cordoned")
    return Assessment(Severity.OK)
