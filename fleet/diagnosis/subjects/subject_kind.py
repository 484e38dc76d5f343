"""The kinds of objects that a cause may be about."""

from __future__ import annotations

from enum import StrEnum


class SubjectKind(StrEnum):
    """The kind of object that a cause is about."""

    SOURCE = "source"
    """The API server, Prometheus, the scrape: by its status."""
    NODE = "node"
    GPU = "GPU"
    ENGINE = "engine"
    """The engines of one pod together, by the pod's row of numbers."""
    REPLICA = "replica"
    """A pod among the others of its workload, by the numbers of them all."""
    POD = "pod"
    WORKLOAD = "workload"
    AUTOSCALER = "autoscaler"
    """The autoscaler of a workload; the key is the workload's."""
    TRAFFIC = "traffic"
    """The traffic of a workload compared with the usual; the key is the workload's."""
    SERVICE = "service"
    """The Services in front of a workload; the key is the workload's."""
    PLACEMENT = "placement"
    """Places that the pods of a workload have lost; the key is the workload's."""
    OBJECTIVE = "objective"
    """The error budgets and the promised latencies of a workload's model; the key is the workload's."""
    SETUP = "setup"
    """Number, placement and versions of a workload's replicas; the key is the workload's."""


OF_WORKLOADS = frozenset(
    {
        SubjectKind.WORKLOAD,
        SubjectKind.AUTOSCALER,
        SubjectKind.TRAFFIC,
        SubjectKind.SERVICE,
        SubjectKind.PLACEMENT,
        SubjectKind.OBJECTIVE,
        SubjectKind.SETUP,
    }
)
"""Kinds whose key is a workload's."""
