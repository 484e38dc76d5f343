"""The causes that are known: one more is a row in a module of ``causes/`` and one line here."""

from __future__ import annotations

from typing import Any

from fleet.diagnosis.cause import Cause, Of
from fleet.diagnosis.causes import (
    containers,
    gpus,
    load,
    nodes,
    placing,
    presence,
    stuck,
    uneven,
    unmeasured,
    workloads,
)

CAUSES: tuple[Cause[Any], ...] = (
    nodes.NOT_READY,
    nodes.SILENT,
    nodes.PRESSURE,
    nodes.CORDONED,
    gpus.GPU_LOST,
    gpus.GPU_MEMORY,
    gpus.GPU_LINK,
    gpus.HARDWARE_XID,
    gpus.APPLICATION_XID,
    gpus.POWER_BRAKE,
    gpus.BY_HARDWARE,
    gpus.BY_HEAT,
    gpus.HOT_GPU,
    unmeasured.MEASURES_DOWN,
    unmeasured.SOURCE_DOWN,
    unmeasured.GPU_UNKNOWN,
    unmeasured.GPU_TOO_OLD,
    stuck.RUNNING,
    stuck.WAITING,
    load.PREEMPTS,
    load.KV_FULL,
    load.QUEUE_DEEP,
    load.ERRORS,
    uneven.SLOW,
    uneven.OVERLOADED,
    presence.ENGINE_ASLEEP,
    unmeasured.METRICS_UNKNOWN,
    unmeasured.METRICS_TOO_OLD,
    unmeasured.METRICS_STALE,
    presence.TERMINATING,
    presence.COMPLETED,
    presence.LEFT_OVER,
    containers.OOM,
    containers.CRASH_LOOP,
    containers.IMAGE,
    containers.CONFIG,
    containers.EVICTED,
    containers.NODE_LOST,
    containers.REFUSED,
    containers.FAILED,
    presence.POD_UNLISTED,
    presence.POD_UNSEEN,
    placing.GATED,
    placing.NO_FREE_GPU,
    placing.UNSCHEDULABLE,
    placing.PENDING,
    containers.KILLED,
    containers.RESTARTED,
    containers.LOADING,
    containers.NOT_READY,
    unmeasured.NOT_READ,
    unmeasured.NO_METRICS,
    presence.SCALED_TO_ZERO,
    workloads.STUCK,
    presence.PODS_UNLISTED,
    workloads.NOBODY_SERVES,
    workloads.ALL_START,
    presence.PODS_ASLEEP,
    workloads.LOST,
    workloads.TROUBLED,
    workloads.NOT_KNOWN,
    workloads.MISSING,
    workloads.SOME_START,
    workloads.SAY,
)
"""The causes, in no order that matters: which of several is told is declared by each."""


def causes_of(kind: Of) -> tuple[Cause[Any], ...]:
    """Return the causes that speak of one kind of object."""
    return tuple(cause for cause in CAUSES if cause.of is kind)
