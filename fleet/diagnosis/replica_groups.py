"""Replicas that are groups of pods: one of them leads, and takes the requests."""

from __future__ import annotations

from collections.abc import Iterable

from fleet.kinds.registry import kind_of
from fleet.model.objects import Pod, Workload


def is_grouped(workload: Workload) -> bool:
    """True if a replica of its kind is a group of pods."""
    return kind_of(workload.kind).replica is not None


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
