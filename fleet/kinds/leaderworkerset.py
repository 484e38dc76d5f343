"""LeaderWorkerSets (leaderworkerset.x-k8s.io/v1): engines on several hosts. A replica is a leader and its workers.

The leaders are pods of a StatefulSet, and each owns a StatefulSet of its workers.
"""

from __future__ import annotations

from collections.abc import Mapping

from fleet.json_fields import Raw, integer, mapping, text
from fleet.kinds.kind import AT_ONCE, PodTemplate, ReplicaGroup, Replicas, Update, WorkloadKind

GROUP = ReplicaGroup(
    workload="leaderworkerset.sigs.k8s.io/name",
    index="leaderworkerset.sigs.k8s.io/group-index",
    worker="leaderworkerset.sigs.k8s.io/worker-index",
    variable="LWS_WORKER_INDEX",
    revision="leaderworkerset.sigs.k8s.io/template-revision-hash",
)


def _templates(obj: Raw) -> tuple[PodTemplate, ...]:
    """Return the leader's template, which the workers share if they have none, and the workers'."""
    template = mapping(mapping(obj, "spec"), "leaderWorkerTemplate")
    worker = mapping(template, "workerTemplate")
    leader = mapping(template, "leaderTemplate") or worker
    workers = max(integer(template, "size", 1) - 1, 0)
    return PodTemplate(1, mapping(leader, "spec")), PodTemplate(workers, mapping(worker, "spec"))


def _selector(obj: Raw) -> Mapping[str, str]:
    return {GROUP.workload: text(mapping(obj, "metadata"), "name")}


LEADER_WORKER_SET = WorkloadKind(
    kind="LeaderWorkerSet",
    group="leaderworkerset.x-k8s.io",
    version="v1",
    plural="leaderworkersets",
    short=("lws",),
    lost="desired replicas of multi-node engines",
    replicas=Replicas(available=("status", "readyReplicas")),
    templates=_templates,
    selector=_selector,
    replica=GROUP,
    replaces=AT_ONCE,
    update=Update.ROLLOUT_STRATEGY,
    replicas_at="spec.replicas",
    template_at="spec.leaderWorkerTemplate",
)
