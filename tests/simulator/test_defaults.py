"""The defaults of the API server, against objects that a real one completed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.defaults import defaulted

RECORDINGS = Path(__file__).parents[3] / "shared/recordings/kube-1.36"


def minimal(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "web", "namespace": "default"}, "spec": spec}


TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}}


def test_a_deployment_as_short_as_it_gets() -> None:
    spec = defaulted(minimal("Deployment", {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}))["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 30
    assert spec["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"


def test_what_is_said_stays() -> None:
    chosen = {"replicas": 0, "strategy": {"type": "Recreate"}, "template": TEMPLATE}
    spec = defaulted(minimal("Deployment", chosen))["spec"]
    assert (spec["replicas"], spec["strategy"]) == (0, {"type": "Recreate"})
    partly = {"strategy": {"rollingUpdate": {"maxSurge": 2}}, "template": TEMPLATE}
    rolling = defaulted(minimal("Deployment", partly))["spec"]["strategy"]["rollingUpdate"]
    assert rolling == {"maxSurge": 2, "maxUnavailable": "25%"}


def test_a_service_gets_an_address_and_an_autoscaler_its_lower_bound() -> None:
    service = defaulted(minimal("Service", {"selector": {"app": "web"}, "ports": [{"port": 80}]}))["spec"]
    assert service["clusterIPs"] == [service["clusterIP"]]
    assert service["ports"] == [{"port": 80, "targetPort": 80, "protocol": "TCP"}]
    headless = defaulted(minimal("Service", {"clusterIP": "None", "ports": []}))["spec"]
    assert headless["clusterIP"] == "None"
    assert defaulted(minimal("HorizontalPodAutoscaler", {"maxReplicas": 3}))["spec"]["minReplicas"] == 1
    stranger = {"kind": "ConfigMap", "metadata": {"name": "a"}, "data": {}}
    assert defaulted(stranger) == stranger


@pytest.mark.contract
@pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not beside the checkout")
@pytest.mark.parametrize("name", ["deployment_get", "deployment_paused_get", "statefulset_get", "hpa_list"])
def test_an_object_that_is_complete_stays_as_it_is(name: str) -> None:
    body = json.loads((RECORDINGS / f"{name}.json").read_text())["response"]["body"]
    kind = body["kind"].removesuffix("List")
    for obj in body.get("items", [body]):
        whole = obj | {"kind": kind}
        assert defaulted(whole) == whole
        assert defaulted(defaulted(whole)) == defaulted(whole)


@pytest.mark.contract
@pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not beside the checkout")
def test_a_real_server_adds_the_same() -> None:
    whole = json.loads((RECORDINGS / "deployment_get.json").read_text())["response"]["body"]
    spec = whole["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    document = {key: container[key] for key in ("name", "image", "args", "ports", "resources", "readinessProbe")}
    document["ports"] = [{"name": "http", "containerPort": 8000}]
    pod = {
        key: spec["template"]["spec"][key] for key in ("nodeSelector", "tolerations", "automountServiceAccountToken")
    }
    template = {"metadata": spec["template"]["metadata"], "spec": pod | {"containers": [document]}}
    short = {"replicas": 3, "selector": spec["selector"], "template": template}
    assert defaulted({"kind": "Deployment", "metadata": whole["metadata"], "spec": short})["spec"] == spec
