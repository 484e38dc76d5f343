"""The causes that are known: one more is a row in a module of ``causes/`` and one line here."""

from __future__ import annotations

from typing import TypeVar

from fleet.diagnosis.cause import AnyCause
from fleet.diagnosis.causes import (
    autoscalers,
    containers,
    endings,
    gpus,
    lifecycle,
    load,
    missing_metrics,
    nodes,
    outliers,
    scheduling,
    stuck,
    workloads,
)

CAUSES: tuple[AnyCause, ...] = (
    nodes.JOINING,
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
    missing_metrics.MEASURES_DOWN,
    missing_metrics.SOURCE_DOWN,
    missing_metrics.SOURCE_BEHIND,
    missing_metrics.GPU_UNKNOWN,
    missing_metrics.GPU_TOO_OLD,
    stuck.RUNNING,
    stuck.WAITING,
    load.PREEMPTS,
    load.KV_FULL,
    load.QUEUE_DEEP,
    load.ERRORS,
    outliers.SLOW,
    outliers.OVERLOADED,
    lifecycle.ENGINE_ASLEEP,
    lifecycle.ASLEEP_AND_ASKED,
    missing_metrics.METRICS_UNKNOWN,
    missing_metrics.METRICS_TOO_OLD,
    missing_metrics.METRICS_STALE,
    lifecycle.TERMINATING,
    lifecycle.COMPLETED,
    lifecycle.LEFT_OVER,
    containers.OOM,
    containers.CRASH_LOOP,
    containers.IMAGE,
    containers.CONFIG,
    containers.EVICTED,
    containers.NODE_LOST,
    containers.REFUSED,
    containers.FAILED,
    *endings.ENDINGS,
    lifecycle.POD_UNLISTED,
    lifecycle.POD_UNSEEN,
    scheduling.GATED,
    *scheduling.OF_SCHEDULER,
    scheduling.PENDING,
    containers.KILLED,
    containers.RESTARTED,
    containers.LOADING,
    containers.NOT_READY,
    missing_metrics.NOT_READ,
    missing_metrics.NO_METRICS,
    lifecycle.SCALED_TO_ZERO,
    workloads.STUCK,
    lifecycle.PODS_UNLISTED,
    workloads.NOBODY_SERVES,
    workloads.ALL_START,
    lifecycle.PODS_ASLEEP,
    workloads.LOST,
    workloads.TROUBLED,
    workloads.NOT_KNOWN,
    workloads.MISSING,
    workloads.SOME_START,
    workloads.SAY,
    autoscalers.UNABLE,
    autoscalers.BLIND,
    autoscalers.AT_MAXIMUM,
    autoscalers.FLAPS,
    workloads.BUDGET_FAST,
    workloads.BUDGET_SLOW,
)
"""The causes, in no order that matters: which of several is told is declared by each."""


C = TypeVar("C", bound=AnyCause)


def causes_of(kind: type[C]) -> tuple[C, ...]:
    """Return the causes of one class: those that speak of one kind of object."""
    return tuple(cause for cause in CAUSES if isinstance(cause, kind))
