"""The official Python client changes the simulated cluster, and sees the same pods in it as our own program does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config, watch

from tests.prefork import quarterdeck
from tests.simulator.api_process import Process, simulator

STAMPED = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z \S")


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    """A fleet whose engines are ready again within seconds; each test has a workload of its own."""
    with simulator("--speed", "30") as process:
        yield process


@pytest.fixture(scope="module")
def api(fleet: Process) -> Iterator[Any]:
    made = config.new_client_from_config(str(fleet.kubeconfig), context="demo-oncall")
    yield made
    made.close()


def pods_of(api: Any, namespace: str, app: str) -> list[Any]:
    """The pods of a workload that nobody has deleted, oldest first."""
    listed = client.CoreV1Api(api).list_namespaced_pod(namespace, label_selector=f"app.kubernetes.io/name={app}").items
    alive = [pod for pod in listed if pod.metadata.deletion_timestamp is None]
    return sorted(alive, key=lambda pod: (pod.metadata.creation_timestamp, pod.metadata.name))


def test_it_lists_the_pods_that_we_list(fleet: Process, api: Any) -> None:
    printed = quarterdeck("snapshot", "--json", f"--kubeconfig={fleet.kubeconfig}").stdout
    ours = {pod["key"]: pod["uid"] for pod in json.loads(printed)["pods"]}
    listed = client.CoreV1Api(api).list_pod_for_all_namespaces(limit=5000).items
    assert ours == {f"{pod.metadata.namespace}/{pod.metadata.name}": pod.metadata.uid for pod in listed}
    assert ours


def test_a_scale_is_patched_and_read_back(api: Any) -> None:
    apps = client.AppsV1Api(api)
    before = apps.read_namespaced_deployment_scale("summarize", "batch")
    patched = apps.patch_namespaced_deployment_scale("summarize", "batch", {"spec": {"replicas": 3}})
    assert (before.spec.replicas, patched.spec.replicas) == (2, 3)
    assert apps.read_namespaced_deployment_scale("summarize", "batch").spec.replicas == 3
    changes = watch.Watch().stream(apps.list_namespaced_deployment, "batch", timeout_seconds=60)
    summarize = (change["object"] for change in changes if change["object"].metadata.name == "summarize")
    assert any(deployment.status.ready_replicas == 3 for deployment in summarize)
    assert len(pods_of(api, "batch", "summarize")) == 3


def test_a_scale_of_an_older_version_is_a_conflict(api: Any) -> None:
    apps = client.AppsV1Api(api)
    before = apps.read_namespaced_deployment_scale("embed", "serving").spec.replicas
    old = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": before + 1}}
    with pytest.raises(client.ApiException) as refused:
        apps.patch_namespaced_deployment_scale("embed", "serving", old)
    assert (refused.value.status, json.loads(refused.value.body)["reason"]) == (409, "Conflict")
    assert apps.read_namespaced_deployment_scale("embed", "serving").spec.replicas == before


def test_logs_of_an_engine(api: Any) -> None:
    core = client.CoreV1Api(api)
    pod = pods_of(api, "serving", "chat-8b")[0]
    name, container = pod.metadata.name, pod.spec.containers[0].name
    lines = core.read_namespaced_pod_log(name, "serving", container=container, tail_lines=3, timestamps=True)
    assert [STAMPED.match(line) is not None for line in lines.splitlines()] == [True] * 3
    with pytest.raises(client.ApiException) as refused:
        core.read_namespaced_pod_log(name, "serving", container="nobody")
    assert refused.value.status == 400


def evict(api: Any, pod: Any, uid: str = "") -> Any:
    """Ask for the eviction of the pod, or of another of its name by the uid that it had."""
    wanted = client.V1Eviction(
        metadata=client.V1ObjectMeta(name=pod.metadata.name, namespace=pod.metadata.namespace),
        delete_options=client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=uid or pod.metadata.uid)),
    )
    name, namespace = pod.metadata.name, pod.metadata.namespace
    # Not as the client decodes it: it takes the answer for an Eviction, and it is a Status.
    answer = client.CoreV1Api(api).create_namespaced_pod_eviction(name, namespace, wanted, _preload_content=False)
    assert answer.status == 201
    return json.loads(answer.data)


def refusal(refused: pytest.ExceptionInfo[Any]) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(refused.value.body)
    assert status["code"] == refused.value.status
    return status


def test_an_eviction_takes_from_the_budget_and_the_next_one_is_refused(api: Any) -> None:
    budgets = client.PolicyV1Api(api)
    assert budgets.read_namespaced_pod_disruption_budget("coder-32b", "serving").status.disruptions_allowed == 1
    first, second, *_ = pods_of(api, "serving", "coder-32b")

    with pytest.raises(client.ApiException) as refused:
        evict(api, first, uid="of-another-pod")
    assert refusal(refused)["reason"] == "Conflict"

    assert evict(api, first)["status"] == "Success"
    with pytest.raises(client.ApiException) as refused:
        evict(api, second)
    status = refusal(refused)
    assert (status["code"], status["reason"]) == (429, "TooManyRequests")
    assert [cause["reason"] for cause in status["details"]["causes"]] == ["DisruptionBudget"]
    assert second.metadata.uid in {pod.metadata.uid for pod in pods_of(api, "serving", "coder-32b")}
