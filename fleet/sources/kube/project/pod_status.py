"""The words and numbers that kubectl prints for a pod in STATUS, READY and RESTARTS.

Source: printPod of pkg/printers/internalversion/printers.go, Kubernetes 1.36.
"""

from __future__ import annotations

from typing import NamedTuple

from fleet.json_fields import Raw, integer, mapping, mappings, text

_TERMINAL = ("Succeeded", "Failed")


class PodStatus(NamedTuple):
    status: str
    restarts: int


def pod_status(pod: Raw) -> PodStatus:
    """STATUS and RESTARTS as `kubectl get pods` would print them."""
    metadata, spec, status = mapping(pod, "metadata"), mapping(pod, "spec"), mapping(pod, "status")
    phase = text(status, "phase")
    reason = text(status, "reason") or phase
    conditions = {text(condition, "type"): condition for condition in mappings(status, "conditions")}
    if text(conditions.get("PodScheduled", {}), "reason") == "SchedulingGated":
        reason = "SchedulingGated"

    init_reason, restarts, sidecar_restarts = _init_status(spec, status)
    if init_reason:
        reason = init_reason
    if not init_reason or _is_true(conditions, "Initialized"):
        container_reason, container_restarts = _container_status(status)
        restarts = sidecar_restarts + container_restarts
        reason = container_reason or reason
        if reason == "Completed" and _any_running(status):
            reason = "Running" if _is_true(conditions, "Ready") else "NotReady"

    if metadata.get("deletionTimestamp") is not None:
        if text(status, "reason") == "NodeLost":
            reason = "Unknown"
        elif phase not in _TERMINAL:
            reason = "Terminating"
    return PodStatus(reason or "Unknown", restarts)


def _init_status(spec: Raw, status: Raw) -> tuple[str, int, int]:
    """The reason while initialising (else empty), restarts of all init containers so far, and of the sidecars."""
    init_containers = mappings(spec, "initContainers")
    sidecars = {text(raw, "name") for raw in init_containers if raw.get("restartPolicy") == "Always"}
    restarts = sidecar_restarts = 0
    for number, container in enumerate(mappings(status, "initContainerStatuses")):
        count = integer(container, "restartCount")
        sidecar = text(container, "name") in sidecars
        restarts += count
        if sidecar:
            sidecar_restarts += count
        state = mapping(container, "state")
        terminated, waiting = state.get("terminated"), mapping(state, "waiting")
        if isinstance(terminated, dict) and integer(terminated, "exitCode") == 0:
            continue
        if sidecar and container.get("started") is True:
            continue
        if isinstance(terminated, dict):
            return f"Init:{_exit(terminated)}", restarts, sidecar_restarts
        if text(waiting, "reason") not in {"", "PodInitializing"}:
            return f"Init:{text(waiting, 'reason')}", restarts, sidecar_restarts
        return f"Init:{number}/{len(init_containers)}", restarts, sidecar_restarts
    return "", restarts, sidecar_restarts


def _container_status(status: Raw) -> tuple[str, int]:
    """The reason of the first container that has one, and the restarts of all."""
    reason, restarts = "", 0
    for container in reversed(mappings(status, "containerStatuses")):
        restarts += integer(container, "restartCount")
        state = mapping(container, "state")
        terminated, waiting = state.get("terminated"), mapping(state, "waiting")
        if text(waiting, "reason"):
            reason = text(waiting, "reason")
        elif isinstance(terminated, dict):
            reason = _exit(terminated)
    return reason, restarts


def _exit(terminated: Raw) -> str:
    if text(terminated, "reason"):
        return text(terminated, "reason")
    signal = integer(terminated, "signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{integer(terminated, 'exitCode')}"


def _any_running(status: Raw) -> bool:
    return any(
        container.get("ready") is True and isinstance(mapping(container, "state").get("running"), dict)
        for container in mappings(status, "containerStatuses")
    )


def _is_true(conditions: dict[str, Raw], kind: str) -> bool:
    return text(conditions.get(kind, {}), "status") == "True"
