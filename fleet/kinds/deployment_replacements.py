"""Kinds that replace a Deployment: Argo's Rollout (argoproj.io) and OpenKruise's CloneSet."""

from __future__ import annotations

from fleet.kinds.kind import WorkloadKind

ROLLOUT = WorkloadKind(
    kind="Rollout",
    group="argoproj.io",
    version="v1alpha1",
    plural="rollouts",
    short=("ro",),
    replicas_at="spec.replicas",
    template_at="spec.template",
)
CLONE_SET = WorkloadKind(
    kind="CloneSet",
    group="apps.kruise.io",
    version="v1alpha1",
    plural="clonesets",
    short=("clone",),
    replicas_at="spec.replicas",
    template_at="spec.template",
)
