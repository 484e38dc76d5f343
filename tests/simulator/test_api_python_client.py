"""The typed Python client, which validates every object it reads, against a whole simulated fleet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client, config, watch

from tests.simulator.api_process import simulator


@pytest.fixture(scope="module")
def api() -> Iterator[Any]:
    with simulator("--scenario", "crash-loop", "--speed", "5") as process:
        made = config.new_client_from_config(str(process.kubeconfig), context="demo-oncall")
        yield made
        made.close()


LISTS: dict[str, Callable[[Any], Any]] = {
    "pods": lambda api: client.CoreV1Api(api).list_pod_for_all_namespaces(limit=5000),
    "nodes": lambda api: client.CoreV1Api(api).list_node(),
    "namespaces": lambda api: client.CoreV1Api(api).list_namespace(),
    "services": lambda api: client.CoreV1Api(api).list_service_for_all_namespaces(),
    "events": lambda api: client.CoreV1Api(api).list_event_for_all_namespaces(),
    "deployments": lambda api: client.AppsV1Api(api).list_deployment_for_all_namespaces(),
    "replicasets": lambda api: client.AppsV1Api(api).list_replica_set_for_all_namespaces(),
    "statefulsets": lambda api: client.AppsV1Api(api).list_stateful_set_for_all_namespaces(),
    "daemonsets": lambda api: client.AppsV1Api(api).list_daemon_set_for_all_namespaces(),
    "autoscalers": lambda api: client.AutoscalingV2Api(api).list_horizontal_pod_autoscaler_for_all_namespaces(),
    "budgets": lambda api: client.PolicyV1Api(api).list_pod_disruption_budget_for_all_namespaces(),
    "slices": lambda api: client.DiscoveryV1Api(api).list_endpoint_slice_for_all_namespaces(),
    "events.k8s.io": lambda api: client.EventsV1Api(api).list_event_for_all_namespaces(),
}


@pytest.mark.parametrize("name", LISTS)
def test_every_object_is_valid(api: Any, name: str) -> None:
    listed = LISTS[name](api)
    assert listed.items
    assert listed.metadata.resource_version
    assert len({item.metadata.uid for item in listed.items}) == len(listed.items)


def test_a_typed_watch(api: Any) -> None:
    core = client.CoreV1Api(api)
    for event in watch.Watch().stream(core.list_pod_for_all_namespaces, timeout_seconds=20):
        pod = event["object"]
        if event["type"] == "MODIFIED":
            break
    else:
        pytest.fail("nothing changed")
    assert pod.metadata.resource_version


def test_scale_and_review(api: Any) -> None:
    scale = client.AppsV1Api(api).read_namespaced_deployment_scale("chat-8b", "serving")
    assert scale.spec.replicas == scale.status.replicas == 5
    wanted = client.V1ResourceAttributes(verb="patch", group="apps", resource="deployments", subresource="scale")
    review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=wanted))
    assert client.AuthorizationV1Api(api).create_self_subject_access_review(review).status.allowed is True


def test_errors_are_exceptions_with_status(api: Any) -> None:
    with pytest.raises(client.ApiException) as refused:
        client.CoreV1Api(api).list_secret_for_all_namespaces()
    assert refused.value.status == 403
    assert 'User "oncall" cannot list resource "secrets"' in json.loads(refused.value.body)["message"]
