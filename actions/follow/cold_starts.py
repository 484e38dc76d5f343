"""The starting pods of a workload: their progress, and when they may be ready, from earlier starts."""

from __future__ import annotations

from collections import Counter
from statistics import median

from actions.request import Target
from fleet.dataclass import dataclass
from fleet.model.objects import Pod
from fleet.model.snapshot import Snapshot

SCHEDULING = "to be scheduled"
PULLING = "pulling its image"
LOADING = "loading"
FAILING = "failing"
_ORDER = (SCHEDULING, PULLING, LOADING, FAILING)


@dataclass(frozen=True, slots=True)
class ColdStarts:
    """The pods that are not ready yet, in words, and seconds until the last of them may be; None for unknown."""

    words: str
    eta: float | None


def starting(snapshot: Snapshot, target: Target, now: float, *, most: int | None = None) -> ColdStarts:
    """Return the starting pods of a workload, from the Snapshot; ``now`` in Unix seconds.

    ``most``: the most that can be starting, according to newer data than the Snapshot; beyond it, nothing is reported.
    """
    pods = [snapshot.pods[key] for key in snapshot.members(f"{target.namespace}/{target.kind}/{target.name}")]
    new = [pod for pod in pods if pod.deleted is None and not pod.ready]
    if not new or (most is not None and len(new) > most):
        return ColdStarts("", None)
    phases = Counter(phase_of(pod) for pod in new)
    words = ", ".join(f"{phases[phase]} {phase}" for phase in _ORDER if phases[phase])
    usual = usual_start(pods)
    waits = phases[SCHEDULING] or phases[FAILING]
    if usual is None or waits:
        return ColdStarts(words, None)
    return ColdStarts(words, max(0.0, max(usual - (now - _scheduled(pod)) for pod in new)))


def phase_of(pod: Pod) -> str:
    """Return the phase of a pod that is not ready: scheduled → pulled → loading → ready."""
    if not pod.node:
        return SCHEDULING
    if any(c.reason in {"CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff"} for c in pod.containers):
        return FAILING
    running = any(c.state == "running" for c in pod.containers if not c.init)
    return LOADING if running else PULLING


def usual_start(pods: list[Pod]) -> float | None:
    """Return the usual seconds from scheduled to ready: the median of the ready, never restarted pods; None if there
    are none.
    """
    took = []
    for pod in pods:
        ready = next((c.since for c in pod.conditions if c.type == "Ready" and c.status == "True"), None)
        if ready is not None and not pod.restarts and ready >= _scheduled(pod):
            took.append(ready - _scheduled(pod))
    return median(took) if took else None


def _scheduled(pod: Pod) -> float:
    since = next((c.since for c in pod.conditions if c.type == "PodScheduled" and c.status == "True"), None)
    return since if since is not None else pod.created
