"""Serving pods that have no engine metrics by design, and what is shown instead.

A group's worker lends its GPUs to its leader's engine; an engine that no dialect reads is shown by name. Neither is
sick, and neither is a failed join.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleet.kinds.registry import grouping
from fleet.metrics.pod_roles import unread
from fleet.model.objects import Pod


def unmeasured(
    pods: Mapping[str, Pod],
    workload_of: Mapping[str, str],
    pods_of: Mapping[str, Sequence[str]],
    answered: Mapping[str, str],
) -> dict[str, str]:
    """Return pod key → why it has no engine metrics, for those that need none.

    ``answered`` are targets whose metrics belong to a product that is not read (``Measurement.unread``).
    """
    found = {}
    by_engine: dict[str, str] = {}
    for key, pod in pods.items():
        if pod.serving.follows:
            members = [pods[member] for member in pods_of.get(workload_of.get(key, ""), ()) if member in pods]
            leader = leader_of(pod, members)
            found[key] = f"part of {leader.name}'s engine" if leader else "part of its group's engine"
            continue
        engine = pod.serving.engine
        if engine not in by_engine:
            by_engine[engine] = unread(pod)
        if why := answered.get(key) or by_engine[engine]:
            found[key] = why
    return found


def leader_of(pod: Pod, members: Sequence[Pod]) -> Pod | None:
    """The pod that runs the engine which ``pod`` is a part of; ``members`` are the pods of its workload."""
    kind = grouping(pod.labels)
    group = kind.replica if kind is not None else None
    if group is not None and (own := group.place_of(pod.labels)):
        leaders = [one for one in members if group.place_of(one.labels) == own and group.leads(one.labels)]
    else:
        leaders = [one for one in members if not one.serving.follows]
    return leaders[0] if len(leaders) == 1 else None
