"""Autoscalers: the target of one, and how KEDA is paused.

KEDA documentation, "ScaledObject specification" and "Scaling Deployments, StatefulSets & Custom Resources".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actions.planning.plan_context import ClusterContext
from actions.request import Target
from fleet.json_fields import mapping, text
from fleet.kinds.deployment import DEPLOYMENT
from fleet.kinds.kind import Replicas
from fleet.kinds.registry import kind_of
from fleet.sources.kube.errors import ForbiddenError, NotFoundError

PAUSED: Final = "autoscaling.keda.sh/paused"
"""Holds the current size; any value that is not a boolean counts as true."""
PAUSED_AT: Final = "autoscaling.keda.sh/paused-replicas"
"""Scales to this many and holds it there."""

KEDA_DEFAULT: Final = DEPLOYMENT.kind
"""The kind that a ScaledObject scales where it names none."""


def workload_of(obj: Mapping[str, Any]) -> Target:
    """Return the target of a raw HorizontalPodAutoscaler or ScaledObject, whose default kind is Deployment."""
    reference = mapping(mapping(obj, "spec"), "scaleTargetRef")
    namespace = text(mapping(obj, "metadata"), "namespace")
    return Target(text(reference, "kind") or KEDA_DEFAULT, namespace, text(reference, "name"))


async def template_of(workload: Target, context: ClusterContext) -> tuple[int, Mapping[str, Any]]:
    """Return a workload's desired replicas and the spec of its pods; 0 and empty if it cannot be read.

    Raises KubeError.
    """
    try:
        raw = await context.reads.get_raw(workload.kind, workload.namespace, workload.name)
    except (NotFoundError, ForbiddenError):
        return 0, {}
    kind = kind_of(workload.kind)
    return (kind.replicas or Replicas()).wanted(raw), kind.templates(raw)[-1].spec
