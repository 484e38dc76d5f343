"""Annotations that a row keeps: those that the console reads. The rest can be kilobytes per object."""

from __future__ import annotations

_PREFIXES = (
    "argocd.argoproj.io/",
    "autoscaling.keda.sh/",
    "controller.kubernetes.io/pod-deletion-cost",
    "deployment.kubernetes.io/",
    "internal.serving.kserve.io/",
    "kubectl.kubernetes.io/default-container",
    "kubectl.kubernetes.io/restartedAt",
    "kubernetes.io/change-cause",
    "kubernetes.io/config.",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "prometheus.io/",
    "serving.kserve.io/",
)


def is_note(key: str) -> bool:
    """True if the console reads an annotation: scraping, ownership, revisions, and notes on the model version."""
    return key.startswith(_PREFIXES) or "model" in key
