"""KubeRay's RayService and RayCluster (ray.io), whose pods Ray's autoscaler may also add and remove."""

from __future__ import annotations

from fleet.kinds.kind import WorkloadKind

RAY_SERVICE = WorkloadKind(
    kind="RayService",
    group="ray.io",
    version="v1",
    plural="rayservices",
    replicas_at="spec.rayClusterConfig.workerGroupSpecs[].replicas",
    template_at="spec.rayClusterConfig",
)
RAY_CLUSTER = WorkloadKind(
    kind="RayCluster",
    group="ray.io",
    version="v1",
    plural="rayclusters",
    replicas_at="spec.workerGroupSpecs[].replicas",
    template_at="spec.workerGroupSpecs[].template",
)
