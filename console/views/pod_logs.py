"""The logs of a pod: the container to read, why it has no log yet, and dropped lines."""

from __future__ import annotations

from fleet.model.counting import count
from fleet.model.objects import Container, Pod

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""kubectl's annotation for the default container."""


def worth_reading(pod: Pod, *, previous: bool = False) -> tuple[str, ...]:
    """Return the names of a pod's containers, the default first.

    That is the one named by its annotation, else the engine's, else the first; the others follow, those with GPUs first
    and init containers last. ``previous``: containers that have ended before come before all others.
    """
    names = {container.name for container in pod.containers}
    annotated = pod.annotations.get(DEFAULT_CONTAINER, "")
    meant = annotated if annotated in names else pod.serving.container

    def order(container: Container) -> tuple[bool, bool, bool, bool, int]:
        name = container.name
        beside = previous and not _has_ended(container)
        return beside, name != meant, name != pod.serving.container, container.init, -container.gpus

    return tuple(container.name for container in sorted(pod.containers, key=order))


def lack_of_log(pod: Pod, name: str) -> str:
    """Return why a container has no log yet; empty if it has one, or that is unknown.

    One that waits for a restart has the log of its previous run.
    """
    container = next((c for c in pod.containers if c.name == name), None)
    if container is None or container.state in {"running", "terminated"} or _has_ended(container):
        return ""
    if container.state == "waiting":
        return container.reason or "waiting"
    unscheduled = next((c for c in pod.conditions if c.type == "PodScheduled" and c.status == "False"), None)
    if unscheduled is not None:
        return unscheduled.reason or "not scheduled"
    return pod.status if pod.phase == "Pending" else ""


def lack_in_full(pod: Pod, name: str) -> str:
    """Return the kubelet's or the scheduler's message beyond the reason; often empty."""
    container = next((c for c in pod.containers if c.name == name), None)
    if container is not None and container.message:
        return container.message
    return next((c.message for c in pod.conditions if c.type == "PodScheduled" and c.status == "False"), "")


def _has_ended(container: Container) -> bool:
    """True if it ran before the current run."""
    return container.restarts > 0 or container.last_finished is not None or container.reason == "CrashLoopBackOff"


def dropped_text(lines: int) -> str:
    """Return the number of lines dropped from a log to make room."""
    return f"{count(lines, 'line')} dropped"
