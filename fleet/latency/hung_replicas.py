"""Replicas that hang: their requests end in no histogram, so the times of the others say nothing about them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot


class HungReplica(NamedTuple):
    """A ready pod that has requests and generates nothing."""

    pod: str
    """Key of the pod."""
    requests: float
    """Requests that run or wait in it."""


def hung_replicas(snapshot: Snapshot, key: str) -> tuple[HungReplica, ...]:
    """Return those of a workload, the most requests first; of a pod, itself if it hangs."""
    pods = (key,) if key in snapshot.pods else snapshot.pods_of.get(key, ())
    return tuple(sorted(_among(snapshot, pods), key=lambda one: (-one.requests, one.pod)))


def _among(snapshot: Snapshot, pods: tuple[str, ...]) -> Iterator[HungReplica]:
    frame = snapshot.by_pod
    for key in pods:
        pod, row = snapshot.pods.get(key), frame.index.get(key)
        if pod is None or not pod.ready or row is None or frame.states[row] >= State.STALE:
            continue
        running, waiting = frame.value(key, Quantity.RUNNING), frame.value(key, Quantity.WAITING)
        requests = sum(one for one in (running, waiting) if not math.isnan(one))
        still = frame.value(key, Quantity.LATEST_TOKENS) == 0
        empty = all(frame.value(key, one) == 0 for one in (Quantity.GENERATION_TOKENS, Quantity.PROMPT_TOKENS))
        # A request alone may be a long prompt that is being read.
        if requests > 0 and ((still and (empty or running >= 2)) or (empty and running == 0)):
            yield HungReplica(key, requests)
