"""The logs of a pod: whose a person wants, why one is not there yet, and what of it went."""

from __future__ import annotations

from fleet.model.counting import count
from fleet.model.objects import Container, Pod

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""The annotation that kubectl goes by: the container that is meant where none is named."""


def worth_reading(pod: Pod, *, previous: bool = False) -> tuple[str, ...]:
    """Names of a pod's containers, the one that is meant first.

    That is the one which its annotation names, else the engine's, else the first; the others follow, those with
    GPUs first and init containers last. ``previous``: before them all come those that have ended before.
    """
    names = {container.name for container in pod.containers}
    told = pod.annotations.get(DEFAULT_CONTAINER, "")
    meant = told if told in names else pod.serving.container

    def order(container: Container) -> tuple[bool, bool, bool, bool, int]:
        name = container.name
        beside = previous and not _has_ended(container)
        return beside, name != meant, name != pod.serving.container, container.init, -container.gpus

    return tuple(container.name for container in sorted(pod.containers, key=order))


def lack_of_log(pod: Pod, name: str) -> str:
    """Return why a container has no log yet; empty where it has one, or nobody says that it has none.

    One that waits to be started again has the log of the time before.
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
    """Return what the kubelet, or the scheduler, says of it beyond the reason; often empty."""
    container = next((c for c in pod.containers if c.name == name), None)
    if container is not None and container.message:
        return container.message
    return next((c.message for c in pod.conditions if c.type == "PodScheduled" and c.status == "False"), "")


def _has_ended(container: Container) -> bool:
    """True if it ran before what it does now."""
    return container.restarts > 0 or container.last_finished is not None or container.reason == "CrashLoopBackOff"


def dropped_text(lines: int) -> str:
    """How many lines of a log went to make room."""
    return f"{count(lines, 'line')} dropped"
