"""ReplicaSets (apps/v1): a revision of a Deployment, or of another kind that creates its pods through them."""

from __future__ import annotations

from fleet.kinds.deployment import REVISION
from fleet.kinds.kind import AT_ONCE, Leaving, Replicas, WorkloadKind

REPLICA_SET = WorkloadKind(
    kind="ReplicaSet",
    group="apps",
    version="v1",
    plural="replicasets",
    short=("rs",),
    lost="which Deployment a pod belongs to, and revisions",
    link=True,
    replicas=Replicas(updated=("status", "replicas")),
    revision=REVISION,
    replaces=AT_ONCE,
    lets_go=True,
    leaving=Leaving.UNREADY_FIRST,
)
