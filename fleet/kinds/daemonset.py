"""DaemonSets (apps/v1): one pod on every node that it fits."""

from __future__ import annotations

from fleet.kinds.kind import Replicas, Update, WorkloadKind

DAEMON_SET = WorkloadKind(
    kind="DaemonSet",
    group="apps",
    version="v1",
    plural="daemonsets",
    short=("ds",),
    lost="desired replicas and rollouts of DaemonSets",
    replicas=Replicas(
        desired=("status", "desiredNumberScheduled"),
        unset=0,
        total=("status", "currentNumberScheduled"),
        updated=("status", "updatedNumberScheduled"),
        ready=("status", "numberReady"),
        available=("status", "numberAvailable"),
        arrived=("status", "numberAvailable"),
        complete=True,
    ),
    per_node=True,
    replaces="starts another on the same node",
    scale="",
    unscalable="has no replicas; it runs on every node",
    update=Update.UPDATE_STRATEGY,
)
