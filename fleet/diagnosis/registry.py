"""The causes that are known: one more is a row in a module of ``causes/`` and one line here."""

from __future__ import annotations

from typing import Any

from fleet.diagnosis.cause import Cause, Of
from fleet.diagnosis.causes import (
    asleep,
    broken,
    errors,
    gpu_clocks,
    gpu_xid,
    kv_cache,
    leaving,
    nodes,
    placing,
    queue,
    replicas,
    rollout,
    starting,
    stuck,
    uneven,
    unmeasured,
    unseen,
)

CAUSES: tuple[Cause[Any], ...] = (
    nodes.NOT_READY,
    nodes.SILENT,
    nodes.PRESSURE,
    nodes.CORDONED,
    gpu_xid.HARDWARE_XID,
    gpu_xid.APPLICATION_XID,
    gpu_clocks.BY_HARDWARE,
    gpu_clocks.BY_HEAT,
    gpu_clocks.HOT_GPU,
    unmeasured.GPU_UNKNOWN,
    unmeasured.GPU_TOO_OLD,
    stuck.RUNNING,
    stuck.WAITING,
    kv_cache.PREEMPTS,
    kv_cache.KV_FULL,
    queue.QUEUE_DEEP,
    errors.ERRORS,
    uneven.SLOW,
    uneven.OVERLOADED,
    asleep.ENGINE,
    unmeasured.METRICS_UNKNOWN,
    unmeasured.METRICS_TOO_OLD,
    unmeasured.METRICS_STALE,
    leaving.TERMINATING,
    leaving.COMPLETED,
    leaving.LEFT_OVER,
    broken.OOM,
    broken.CRASH_LOOP,
    broken.IMAGE,
    broken.CONFIG,
    broken.EVICTED,
    broken.NODE_LOST,
    broken.REFUSED,
    broken.FAILED,
    unseen.POD_UNLISTED,
    unseen.POD_UNSEEN,
    placing.GATED,
    placing.NO_FREE_GPU,
    placing.UNSCHEDULABLE,
    placing.PENDING,
    starting.KILLED,
    starting.RESTARTED,
    starting.LOADING,
    starting.NOT_READY,
    unmeasured.NOT_READ,
    unmeasured.NO_METRICS,
    asleep.SCALED_TO_ZERO,
    rollout.STUCK,
    unseen.PODS_UNLISTED,
    replicas.NOBODY_SERVES,
    replicas.ALL_START,
    asleep.PODS_ASLEEP,
    replicas.LOST,
    replicas.TROUBLED,
    replicas.NOT_KNOWN,
    replicas.MISSING,
    replicas.SOME_START,
    replicas.SAY,
)
"""In no order that matters: which of several is told is declared by each."""


def causes_of(kind: Of) -> tuple[Cause[Any], ...]:
    """Those that speak of one kind of object."""
    return tuple(cause for cause in CAUSES if cause.of is kind)
