"""Replicas that are groups of pods: one of them leads, and takes the requests."""

from __future__ import annotations

from collections.abc import Iterable

from fleet.kinds.registry import grouping, kind_of
from fleet.model.objects import Pod, Workload


def is_grouped(workload: Workload) -> bool:
    """True if a replica of its kind is a group of pods."""
    return kind_of(workload.kind).replica is not None


def group_of(pod: Pod) -> tuple[str, ...] | None:
    """Return what tells the pods of one replica from those of others; None for a pod that is one by itself."""
    kind = grouping(pod.labels)
    place = None if kind is None or kind.replica is None else kind.replica.place_of(pod.labels)
    return None if place is None else (pod.namespace, *place)


def leading(workload: Workload, pods: Iterable[Pod]) -> list[Pod] | None:
    """Return the pods that stand for a replica each: all of them, or those that lead a group.

    None if it is not known of one which group it belongs to.
    """
    group, those = kind_of(workload.kind).replica, list(pods)
    if group is None:
        return those
    if not all(group.place_of(pod.labels) for pod in those):
        return None
    return [pod for pod in those if group.leads(pod.labels)]
