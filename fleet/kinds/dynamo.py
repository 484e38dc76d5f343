"""Dynamo's DynamoGraphDeployment (nvidia.com), which creates a workload for each of its services."""

from __future__ import annotations

from fleet.kinds.kind import WorkloadKind

DYNAMO_GRAPH_DEPLOYMENT = WorkloadKind(
    kind="DynamoGraphDeployment",
    group="nvidia.com",
    version="v1alpha1",
    plural="dynamographdeployments",
    short=("dgd",),
    replicas_at="spec.services.….replicas",
)
