"""Deployments (apps/v1): interchangeable pods, created through one ReplicaSet per template."""

from __future__ import annotations

from fleet.kinds.kind import Leaving, Replicas, Revisions, Update, WorkloadKind

REVISION = ("metadata", "annotations", "deployment.kubernetes.io/revision")
"""Path of the revision's number in a Deployment and its ReplicaSets."""

DEPLOYMENT = WorkloadKind(
    kind="Deployment",
    group="apps",
    version="v1",
    plural="deployments",
    short=("deploy", "dp"),
    lost="desired replicas and rollouts of Deployments",
    replicas=Replicas(arrived=("status", "availableReplicas"), complete=True),
    revision=REVISION,
    through="ReplicaSet",
    leaving=Leaving.UNREADY_FIRST,
    update=Update.STRATEGY,
    restartable=True,
    revisions=Revisions.REPLICA_SETS,
    pausable=True,
    replicas_at="spec.replicas",
    template_at="spec.template",
)
