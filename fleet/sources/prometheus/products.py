"""The monitoring products that are discovered in a cluster and queried: their charts' names and labels, and their
terms.

``fleet.sources.prometheus.trust`` decides which of those found are trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ChartService:
    """A product as its charts install it: ``name`` is a regular expression for the Service's whole name."""

    product: str
    name: str
    labels: tuple[tuple[str, str], ...]
    ports: tuple[int, ...]
    path: str = ""


@dataclass(frozen=True, slots=True)
class StoreProduct:
    """A product that is queried, as named in messages."""

    name: str
    section: str
    """Table of the configuration: ``prometheus``."""
    before: str
    """The path of its API, before which its URL ends: ``/api/v1``."""
    known: tuple[ChartService, ...] = ()
    """The likeliest first."""
    operated: Mapping[str, str] = field(default_factory=dict)
    """Lists of the resources of its operators, by kind."""


PROMETHEUS = StoreProduct(
    "Prometheus",
    "prometheus",
    "/api/v1",
    # The cluster's own Prometheus before stores that may hold several clusters.
    (
        ChartService(
            "Prometheus",
            r"prometheus|prometheus-k8s|(.*-)?prometheus-server|(.*-)?kube-prometheus-prometheus"
            r"|(.*-)?kube-prometheus-stack-prometheus|prometheus-kube-prometheus-prometheus",
            (("app.kubernetes.io/name", "prometheus"), ("app", "kube-prometheus-stack-prometheus")),
            (9090, 80, 9091, 443),
        ),
        # Headless, and over all instances of the operator: valid, but the last choice among them.
        ChartService("Prometheus", r"prometheus-operated", (("operated-prometheus", "true"),), (9090,)),
        ChartService(
            "VictoriaMetrics",
            r"vmsingle(-.*)?|(.*-)?victoria-metrics-single-server",
            (("app.kubernetes.io/name", "vmsingle"), ("app.kubernetes.io/name", "victoria-metrics-single")),
            (8429, 8428),
        ),
        ChartService(
            "VictoriaMetrics cluster",
            r"vmselect(-.*)?|(.*-)?victoria-metrics-cluster-vmselect",
            (("app.kubernetes.io/name", "vmselect"),),
            (8481,),
            "/select/0/prometheus",
        ),
        ChartService(
            "Thanos",
            r"(.*-)?thanos-query(-frontend)?|thanos-querier",
            (("app.kubernetes.io/component", "query-frontend"), ("app.kubernetes.io/name", "thanos-query")),
            (9090, 10902, 9091),
        ),
        ChartService(
            "Mimir",
            r"(.*-)?mimir-(nginx|gateway|query-frontend)|(.*-)?cortex-(nginx|gateway|query-frontend)",
            (),
            (80, 8080),
            "/prometheus",
        ),
    ),
    {
        "Prometheus": "/apis/monitoring.coreos.com/v1/prometheuses",
        "VMSingle": "/apis/operator.victoriametrics.com/v1beta1/vmsingles",
        "VMCluster": "/apis/operator.victoriametrics.com/v1beta1/vmclusters",
    },
)

ALERTMANAGER = StoreProduct(
    "Alertmanager",
    "alertmanager",
    "/api/v2",
    (
        ChartService(
            "Alertmanager",
            r"alertmanager|alertmanager-main|(.*-)?kube-prometheus-alertmanager|(.*-)?prometheus-alertmanager"
            r"|(.*-)?kube-prometheus-stack-alertmanager|alertmanager-kube-prometheus-alertmanager",
            (("app.kubernetes.io/name", "alertmanager"), ("app", "kube-prometheus-stack-alertmanager")),
            (9093, 9094, 80, 443),
        ),
        ChartService("Alertmanager", r"alertmanager-operated", (("operated-alertmanager", "true"),), (9093,)),
        ChartService("Alertmanager", r"vmalertmanager(-.*)?", (("app.kubernetes.io/name", "vmalertmanager"),), (9093,)),
        ChartService("Mimir's Alertmanager", r"(.*-)?mimir-alertmanager", (), (8080, 80), "/alertmanager"),
    ),
    {
        "Alertmanager": "/apis/monitoring.coreos.com/v1/alertmanagers",
        "VMAlertmanager": "/apis/operator.victoriametrics.com/v1beta1/vmalertmanagers",
    },
)

RULES = StoreProduct("rules", "rules", "/api/v1")
"""Rule evaluators: Prometheus, Thanos Ruler, Mimir's ruler, vmalert."""
