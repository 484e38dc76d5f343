"""Namespaces of monitoring stacks. A separate file, because the settings need them before any source is imported."""

from __future__ import annotations

from typing import Final

NAMESPACES: Final = (
    "monitoring",
    "prometheus",
    "observability",
    "kube-prometheus-stack",
    "openshift-monitoring",
    "openshift-user-workload-monitoring",
    "cattle-monitoring-system",
    "victoria-metrics",
    "mimir",
    "thanos",
)
"""Namespaces that monitoring stacks are installed into by their documentation."""
