"""Requests that hang: in engines that Kubernetes calls ready, and that generate nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable

from fleet.model.frame import Frame
from fleet.model.objects import Pod
from fleet.model.quantity import Quantity

_TOKENS = (Quantity.GENERATION_TOKENS, Quantity.PROMPT_TOKENS)
_REQUESTS = (Quantity.RUNNING, Quantity.WAITING)


def hanging_requests(frame: Frame, pods: Iterable[Pod]) -> float:
    """Return the number of requests, running and waiting, in those of the pods in which they hang."""
    return math.fsum(_in_pod(frame, pod.key) for pod in pods if pod.ready)


def _in_pod(frame: Frame, key: str) -> float:
    """Return the requests of one pod; 0 if it generates tokens, or if that is not known."""
    if any(frame.value(key, one) != 0 for one in _TOKENS):
        return 0.0
    return math.fsum(number for one in _REQUESTS if (number := frame.value(key, one)) > 0)
