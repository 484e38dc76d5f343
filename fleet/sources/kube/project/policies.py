"""Raw HorizontalPodAutoscaler (autoscaling/v2) and PodDisruptionBudget (policy/v1) → rows."""

from __future__ import annotations

from fleet.json_fields import Raw, integer, mapping, text
from fleet.model.objects import HorizontalPodAutoscaler, ObjectRef, PodDisruptionBudget
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.common_fields import conditions


def project_autoscaler(raw: Raw, interner: Interner) -> HorizontalPodAutoscaler:
    """The row of an autoscaler; minReplicas is 1 where it is left out."""
    metadata, spec, status = mapping(raw, "metadata"), mapping(raw, "spec"), mapping(raw, "status")
    target = mapping(spec, "scaleTargetRef")
    namespace = interner.share(text(metadata, "namespace"))
    return HorizontalPodAutoscaler(
        namespace=namespace,
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        resource_version=text(metadata, "resourceVersion"),
        target=ObjectRef(text(target, "kind"), namespace, text(target, "name")),
        minimum=integer(spec, "minReplicas", 1),
        maximum=integer(spec, "maxReplicas"),
        current=integer(status, "currentReplicas"),
        desired=integer(status, "desiredReplicas"),
        conditions=conditions(status, interner),
    )


def project_budget(raw: Raw, interner: Interner) -> PodDisruptionBudget:
    """The row of a disruption budget."""
    metadata, spec, status = mapping(raw, "metadata"), mapping(raw, "spec"), mapping(raw, "status")
    return PodDisruptionBudget(
        namespace=interner.share(text(metadata, "namespace")),
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        resource_version=text(metadata, "resourceVersion"),
        selector=interner.strings(mapping(spec, "selector").get("matchLabels")),
        allowed=integer(status, "disruptionsAllowed"),
        current_healthy=integer(status, "currentHealthy"),
        desired_healthy=integer(status, "desiredHealthy"),
        expected=integer(status, "expectedPods"),
    )
