"""How a pod, a workload, a node or a GPU stands, in one word and a few more: the glyph and the worst-first order.

These are the plain facts that need no history beyond the window; the catalogue of findings builds on more. A missing
input never makes anything ``ok``: a pod that serves and is not measured is UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Sequence

from fleet.model.frame import Frame
from fleet.model.objects import Node, Pod, Workload
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Assessment, Severity
from fleet.snapshot.topology import HIDDEN

LOOKBACK = 300.0
"""Seconds after which a silent source's values are unknown, and no verdict is made on older ones: Prometheus' own."""
KV_FULL = 0.95
"""KV usage at which waiting requests mean saturation. llm-d's alerts have 0.90 to 0.95."""
PREEMPTING = 0.1
"""Preemptions/s above which a pod is short of KV blocks and not merely unlucky once."""
QUEUE_PER_POD = 50
"""Waiting requests per ready pod that llm-d's alerts call a problem."""
THROTTLED = 0.05
"""Share of the window spent throttled that is visible in latency."""
HOT = 85.0
"""°C above which a GPU deserves a look; also what tells heat from the power cap where the exporter does not
give the reason."""
_HARDWARE = frozenset({"hardware slowdown", "thermal (hardware)", "power brake"})
_THERMAL = "thermal (software)"

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

HARDWARE_XIDS = frozenset(
    {46, 48, 62, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 143, *range(144, 151), 151, 155, 156, 158}
)
"""XID codes after which the GPU must be reset, drained or rebooted (NVIDIA's XID catalogue)."""

ECHO_XIDS = frozenset({37, 38, 43, 44, 45, 63, 66, 67, 121, 137, 141, 154})
"""XID codes that follow another event or only inform (same source): no reason to call a GPU sick."""


def rank(severity: Severity) -> int:
    """0 for the worst: what the fleet is sorted by."""
    return _RANK[severity]


def assess_pod(
    pod: Pod,
    frame: Frame,
    gpus: Sequence[Assessment],
    serving: bool,
    *,
    measured: bool = True,
    unmeasured: str = "",
    replaced: bool = False,
    xids: Sequence[str] = (),
) -> Assessment:
    """One pod: the worst of all that can be said of it. ``frame`` is by pod, ``gpus`` how its GPUs stand; ``serving``:
    it runs an engine.

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
    own = _own(pod, frame, serving=serving, measured=measured, unmeasured=unmeasured)
    if own.severity in TROUBLED and xids:
        # What an application has left in the gauge stays there for good: it counts beside a trouble, and alone it
        # says nothing of a pod that is well.
        gpus = [*gpus, *(Assessment(Severity.WARNING, xid) for xid in xids)]
    return _worst([own, *(gpu for gpu in gpus if gpu.severity in (Severity.CRITICAL, Severity.WARNING))])


MAY_NOT_LIST = "its pods may not be listed"
TROUBLED = frozenset({Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN})
"""How a pod stands of which nobody can say that it is well."""


def _own(pod: Pod, frame: Frame, *, serving: bool, measured: bool, unmeasured: str) -> Assessment:
    """What can be said of a running pod without looking at its GPUs."""
    if not pod.ready:
        return _not_ready(pod)
    if not serving:
        return Assessment(Severity.OK)
    if not measured:
        return Assessment(Severity.OK, unmeasured) if unmeasured else Assessment(Severity.UNKNOWN, "no metrics")
    return _serving(pod, frame)


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


def _serving(pod: Pod, frame: Frame) -> Assessment:
    row = frame.index.get(pod.key)
    if row is None:
        return Assessment(Severity.UNKNOWN, "no metrics")
    state = State(frame.states[row])
    if state is State.UNKNOWN:
        return Assessment(Severity.UNKNOWN, "metrics unknown")
    if frame.ages[row] > LOOKBACK:
        # Shown with their age, and no ground for a verdict on now.
        return Assessment(Severity.UNKNOWN, "metrics are old")

    def value(quantity: Quantity) -> float:
        return frame.value(pod.key, quantity)

    if value(Quantity.SLEEP_LEVEL) > 0:
        return Assessment(Severity.ASLEEP, f"asleep, level {value(Quantity.SLEEP_LEVEL):.0f}")
    running, waiting, kv = value(Quantity.RUNNING), value(Quantity.WAITING), value(Quantity.KV_USAGE)
    if value(Quantity.GENERATION_TOKENS) == 0 and value(Quantity.PROMPT_TOKENS) == 0:
        if running > 0:
            return Assessment(Severity.CRITICAL, "stuck: requests running, no tokens")
        if running == 0 and waiting > 0:
            return Assessment(Severity.CRITICAL, "stuck: requests wait, none runs, no tokens")
    if value(Quantity.PREEMPTIONS) > PREEMPTING:
        return Assessment(Severity.WARNING, f"preempts {value(Quantity.PREEMPTIONS):.1f}/s")
    if waiting > 0 and kv >= KV_FULL:
        return Assessment(Severity.WARNING, "KV cache full, requests wait")
    if waiting >= QUEUE_PER_POD:
        return Assessment(Severity.WARNING, f"{waiting:.0f} requests wait")
    if value(Quantity.ERROR_RATIO) >= 0.05:
        return Assessment(Severity.WARNING, f"{100 * value(Quantity.ERROR_RATIO):.0f} % errors")
    if state is State.STALE:
        return Assessment(Severity.UNKNOWN, "metrics are old")
    return Assessment(Severity.OK)


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


def application_xid(frame: Frame, key: str) -> str:
    """The XID of an application's error in a GPU's gauge, in words; empty for none.

    The gauge is sticky: it says that it happened, to this pod or to one before it, and not that it lasts.
    """
    xid = frame.value(key, Quantity.XID)
    return f"XID {xid:.0f}" if xid > 0 and xid not in ECHO_XIDS and xid not in HARDWARE_XIDS else ""


def assess_gpu(frame: Frame, key: str, reasons: Sequence[str] = ()) -> Assessment:
    """One GPU: XID of the hardware, heat, throttling. What an application did (``application_xid``) says nothing of it.

    The software power cap alone is no trouble: H100-class GPUs run into it whenever they are fully loaded.
    """
    row = frame.index.get(key)
    if row is None or frame.states[row] == State.UNKNOWN:
        return Assessment(Severity.UNKNOWN, "no GPU metrics")
    if frame.ages[row] > LOOKBACK:
        return Assessment(Severity.UNKNOWN, "GPU metrics are old")
    xid = frame.value(key, Quantity.XID)
    if xid in HARDWARE_XIDS:
        return Assessment(Severity.CRITICAL, f"XID {xid:.0f}")
    serious = [reason for reason in reasons if reason in _HARDWARE]
    if serious:
        return Assessment(Severity.CRITICAL, f"throttled: {serious[0]}")
    heat = frame.value(key, Quantity.GPU_TEMPERATURE)
    throttled = frame.value(key, Quantity.THROTTLE)
    if _THERMAL in reasons or (throttled >= THROTTLED and heat >= HOT):
        return Assessment(Severity.WARNING, f"throttled by heat, {heat:.0f} °C")
    if heat > HOT:
        return Assessment(Severity.WARNING, f"{heat:.0f} °C")
    return Assessment(Severity.OK)
