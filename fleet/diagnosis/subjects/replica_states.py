"""States of a workload's replicas: all of them sleep, one is left over, requests hang in some of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from fleet.model.frame import Frame
from fleet.model.objects import Pod
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment

LEFT_OVER = 600.0
"""Seconds after creation from which a failed pod no longer affects its workload's assessment."""
_TOKENS = (Quantity.GENERATION_TOKENS, Quantity.PROMPT_TOKENS)
_REQUESTS = (Quantity.RUNNING, Quantity.WAITING)


def all_asleep(pods: Mapping[str, Pod], assessments: Mapping[str, Assessment]) -> bool:
    """True if every assessed pod sleeps but workers of groups, which lend their GPUs to the engine of another pod."""
    return all(one.severity is Severity.ASLEEP or pods[pod].serving.follows for pod, one in assessments.items())


def is_left_over(pod: Pod, now: float) -> bool:
    """True if a pod is old enough that its successor would be visible."""
    return now - pod.created > LEFT_OVER


def hanging_requests(frame: Frame, pods: Iterable[Pod]) -> float:
    """Return the number of requests, running and waiting, in pods that are ready and generate nothing."""
    return math.fsum(_in_pod(frame, pod.key) for pod in pods if pod.ready)


def _in_pod(frame: Frame, key: str) -> float:
    """Return the requests of one pod; 0 if it generates tokens, or if that is not known."""
    if any(frame.value(key, one) != 0 for one in _TOKENS):
        return 0.0
    return math.fsum(number for one in _REQUESTS if (number := frame.value(key, one)) > 0)
