"""A Prometheus is trusted by its location, and not by its name."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from fleet.model.objects import Service
from fleet.sources.prometheus.discovery import candidates
from fleet.sources.prometheus.trust import OperatorResource, Trust, adoption, offer, sort


def service(namespace: str, name: str, port: int = 9090, selector: Mapping[str, str] | None = None) -> Service:
    labels = {"app.kubernetes.io/name": "prometheus", "operated-prometheus": "true"}
    return Service(namespace, name, name, "1", "ClusterIP", selector or {}, (("web", port),), labels)


def trusted(
    *services: Service,
    trust: Trust | None = None,
    operated: Collection[OperatorResource] = (),
    engines: Collection[str] = (),
) -> list[str]:
    every = {s.key: s for s in services}
    found = sort(candidates(services), every, trust or Trust(), operated, engines)
    assert len(found.trusted) + len(found.offered) == len(services)
    return [f"{c.namespace}/{c.name}" for c in found.trusted]


@pytest.mark.parametrize("namespace", ["team-a", "default", "monitoring-team-a", "Monitoring", "kube-system", ""])
def test_a_name_and_labels_are_no_reason(namespace: str) -> None:
    assert trusted(service(namespace, "prometheus"), service(namespace, "prometheus-operated")) == []


@pytest.mark.parametrize(
    "namespace", ["monitoring", "observability", "openshift-monitoring", "cattle-monitoring-system"]
)
def test_one_in_the_namespace_of_a_monitoring_stack_is(namespace: str) -> None:
    assert trusted(service(namespace, "prometheus-k8s")) == [f"{namespace}/prometheus-k8s"]


def test_but_not_where_an_engine_runs() -> None:
    assert trusted(service("monitoring", "prometheus"), engines={"monitoring"}) == []


def test_the_list_of_namespaces_is_a_setting() -> None:
    chosen = Trust(namespaces=frozenset({"ops"}))
    assert trusted(service("monitoring", "prometheus"), service("ops", "prometheus"), trust=chosen) == [
        "ops/prometheus"
    ]


def test_one_that_the_configuration_names_is_wherever_it_lives() -> None:
    chosen = Trust(services=frozenset({"team-a/prometheus"}))
    found = service("team-a", "prometheus"), service("team-b", "prometheus")
    assert trusted(*found, trust=chosen, engines={"team-a"}) == ["team-a/prometheus"]


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (service("apps", "prometheus-operated"), "Prometheus"),
        (
            service("apps", "kps-kube-prometheus-prometheus", selector={"operator.prometheus.io/name": "main"}),
            "Prometheus",
        ),
        (service("apps", "prometheus-server", selector={"prometheus": "main"}), "Prometheus"),
        (service("apps", "vmsingle-main", 8429), "VMSingle"),
        (service("apps", "vmselect-main", 8481), "VMCluster"),
    ],
)
def test_one_of_an_operators_resource_is_in_the_namespace_of_that(found: Service, kind: str) -> None:
    assert trusted(found, operated=[OperatorResource(kind, "apps", "main")]) == [found.key]
    assert trusted(found, operated=[OperatorResource(kind, "elsewhere", "main")]) == []
    assert trusted(found, operated=[OperatorResource("Alertmanager", "apps", "main")]) == []


def test_another_service_beside_an_operators_resource_is_not() -> None:
    beside = service("apps", "prometheus"), service("apps", "vmsingle-other", 8429)
    assert (
        trusted(
            *beside,
            operated=[OperatorResource("Prometheus", "apps", "main"), OperatorResource("VMSingle", "apps", "main")],
        )
        == []
    )


def test_an_offer_names_the_line_that_would_adopt_it() -> None:
    (candidate,) = candidates([service("team-a", "prometheus")])
    assert adoption(candidate) == '[prometheus]\nservices = ["team-a/prometheus"]'
    assert '[prometheus] services = ["team-a/prometheus"]' in offer(candidate)
    assert "not queried" in offer(candidate)
