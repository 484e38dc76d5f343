"""StatefulSets (apps/v1): numbered pods, each of which keeps its name and its volumes."""

from __future__ import annotations

from fleet.json_fields import Raw, mapping, text
from fleet.kinds.kind import Replicas, Revisions, Update, WorkloadKind


def _ordered(obj: Raw) -> bool:
    return (text(mapping(obj, "spec"), "podManagementPolicy") or "OrderedReady") == "OrderedReady"


STATEFUL_SET = WorkloadKind(
    kind="StatefulSet",
    group="apps",
    version="v1",
    plural="statefulsets",
    short=("sts",),
    lost="desired replicas and rollouts of StatefulSets",
    replicas=Replicas(complete=True),
    revision=("status", "updateRevision"),
    replaces="starts one of the same name, after it has ended",
    update=Update.UPDATE_STRATEGY,
    restartable=True,
    revisions=Revisions.CONTROLLER_REVISIONS,
    ordered=_ordered,
)
