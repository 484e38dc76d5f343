"""Objects recorded from a real API server (1.36), projected."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.kinds.deployment import DEPLOYMENT
from fleet.kinds.replicaset import REPLICA_SET
from fleet.kinds.statefulset import STATEFUL_SET
from fleet.model.objects import ObjectRef
from fleet.sources.kube.describe import describe, to_yaml
from fleet.sources.kube.errors import ExpiredError, ForbiddenError, KubeError, UnauthorizedError, error_of_response
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.owners import ownership
from fleet.sources.kube.project.events import project_event
from fleet.sources.kube.project.nodes import project_node
from fleet.sources.kube.project.pods import project_pod
from fleet.sources.kube.project.policies import project_autoscaler, project_budget
from fleet.sources.kube.project.workloads import project_workload
from fleet.sources.kube.resources import all_resources
from tests.conftest import RECORDINGS

KUBE = RECORDINGS / "kube-1.36"

pytestmark = pytest.mark.contract

Object = dict[str, Any]


def recorded(name: str) -> Any:
    return json.loads((KUBE / f"{name}.json").read_text(encoding="utf-8"))["response"]


def body(name: str) -> Object:
    found: Object = recorded(name)["body"]
    return found


def test_a_crash_loop() -> None:
    row = project_pod(body("pod_crashloop_oomkilled"), Interner())
    assert (row.status, row.restarts, row.ready, row.phase) == ("CrashLoopBackOff", 7, False, "Running")
    (vllm,) = row.containers
    assert (vllm.state, vllm.reason, vllm.last_reason, vllm.last_exit_code) == (
        "waiting", "CrashLoopBackOff", "OOMKilled", 137,
    )  # fmt: skip
    assert row.owner is not None
    assert (row.owner.kind, row.owner.name) == ("ReplicaSet", "unh-c8678bcb8")
    assert (row.version.model, row.version.served_name, row.version.revision) == ("meta/llama-3.1-8b", "chat", "a1b2c3")
    assert row.annotations == {"model.example.com/version": "a1b2c3"}
    assert row.created == datetime(2026, 11, 21, 0, 42, 45, tzinfo=UTC).timestamp()
    assert row.gpus == 0


def test_an_image_that_cannot_be_pulled() -> None:
    assert project_pod(body("pod_imagepullbackoff"), Interner()).status == "ImagePullBackOff"


def test_a_model_that_loads() -> None:
    row = project_pod(body("pod_running_not_ready_loading"), Interner())
    assert (row.status, row.ready, row.restarts) == ("Running", False, 0)
    assert (row.containers[0].state, row.containers[0].started) == ("running", False)


def test_a_pod_that_finds_no_gpu() -> None:
    row = project_pod(body("pod_pending_insufficient_gpu"), Interner())
    assert (row.status, row.node) == ("Pending", "")
    (scheduled,) = (condition for condition in row.conditions if condition.type == "PodScheduled")
    assert (scheduled.status, scheduled.reason) == ("False", "Unschedulable")
    assert "Insufficient nvidia.com/gpu" in scheduled.message
    assert row.gpus == 4


def test_an_evicted_pod_terminates() -> None:
    row = project_pod(body("pod_evicted_get"), Interner())
    assert row.status == "Terminating"
    assert row.deleted is not None
    assert any(c.type == "DisruptionTarget" and c.reason == "EvictionByEvictionAPI" for c in row.conditions)


def test_an_orphan_has_no_owner() -> None:
    assert project_pod(body("pod_orphaned_get"), Interner()).owner is None


def test_a_cordoned_node() -> None:
    row = project_node(body("node_cordoned_get"), Interner())
    assert row.unschedulable
    assert ("node.kubernetes.io/unschedulable", "", "NoSchedule") in row.taints
    assert (row.ready, row.gpus, row.gpu_product) == ("True", {"nvidia.com/gpu": 4}, "NVIDIA-H100-80GB-HBM3")


def test_a_deployment() -> None:
    row = project_workload(DEPLOYMENT, body("deployment_get"), Interner())
    assert (row.desired, row.ready, row.updated, row.available) == (3, 3, 3, 3)
    assert (row.revision, row.selector, row.strategy, row.gpus) == ("1", {"app": "chat"}, "RollingUpdate", 1)
    assert row.version.revision == "a1b2c3"


def test_a_paused_and_a_stuck_rollout() -> None:
    assert project_workload(DEPLOYMENT, body("deployment_paused_get"), Interner()).paused
    stuck = project_workload(DEPLOYMENT, body("deployment_progress_deadline_exceeded"), Interner())
    assert any(c.type == "Progressing" and c.reason == "ProgressDeadlineExceeded" for c in stuck.conditions)


def test_a_stateful_set() -> None:
    raw = body("statefulset_get")
    row = project_workload(STATEFUL_SET, raw, Interner())
    assert (row.kind, row.desired) == ("StatefulSet", raw["spec"]["replicas"])
    assert row.revision == raw["status"]["updateRevision"]


def test_autoscalers_and_budgets() -> None:
    rows = [project_autoscaler(raw, Interner()) for raw in body("hpa_list")["items"]]
    raw = body("hpa_list")["items"][0]
    reference = raw["spec"]["scaleTargetRef"]
    assert rows[0].target == ObjectRef(reference["kind"], "ref-rec", reference["name"])
    assert (rows[0].minimum, rows[0].maximum) == (raw["spec"]["minReplicas"], raw["spec"]["maxReplicas"])
    assert any(c.reason == "ScalingDisabled" for row in rows for c in row.conditions)
    for raw in body("pdb_list")["items"]:
        budget = project_budget(raw, Interner())
        assert budget.allowed == raw["status"]["disruptionsAllowed"]
        assert budget.expected == raw["status"]["expectedPods"]


@pytest.mark.parametrize("name", ["events_core_list", "events_failed_scheduling"])
def test_events_have_a_time_whoever_wrote_them(name: str) -> None:
    rows = [project_event(raw, Interner()) for raw in body(name)["items"]]
    assert rows
    for row in rows:
        assert row.last > datetime(2026, 1, 1, tzinfo=UTC).timestamp()
        assert row.involved.name
        assert row.involved_uid
        assert row.reason
        assert row.count >= 1
        assert row.source


def test_replica_sets_lead_from_pods_to_their_deployment() -> None:
    interner = Interner()
    deployment = project_workload(DEPLOYMENT, body("deployment_get"), interner)
    sets = [project_workload(REPLICA_SET, raw, interner) for raw in body("replicasets_two_revisions")["items"]]
    assert {row.revision for row in sets} == {"1", "2"}
    pods = [project_pod(raw, interner) for raw in body("pods_list_small")["items"]]
    joined = ownership({row.key: row for row in pods}, {row.key: row for row in sets}, {deployment.key: deployment})
    ours = [row for row in pods if row.owner is not None and row.owner.uid in {s.uid for s in sets}]
    assert ours
    assert {joined.workload_of[row.key] for row in ours} == {deployment.key}


def every_recorded_object() -> list[Any]:
    objects: list[Any] = []
    for file in sorted(KUBE.glob("*.json")):
        found = json.loads(file.read_text(encoding="utf-8"))["response"]["body"]
        if isinstance(found, dict):
            items = found.get("items")
            objects += items if isinstance(items, list) else [found]
        elif isinstance(found, list):
            objects += [event["object"] for event in found if isinstance(event, dict) and "object" in event]
    return [raw for raw in objects if isinstance(raw, dict) and raw.get("kind") not in {"Status", "Table"}]


def test_every_recorded_object_can_be_projected_described_and_dumped() -> None:
    objects = every_recorded_object()
    assert len(objects) > 100
    for raw in objects:
        for resource in all_resources():
            if raw.get("kind") == resource.kind:
                assert resource.project(raw, Interner()).uid == raw["metadata"].get("uid", "")
        assert describe(raw, now=1.8e9)
        assert "managedFields" not in to_yaml(raw)


def test_the_words_are_those_that_the_server_prints_for_kubectl() -> None:
    table = body("pods_table")
    columns = [column["name"] for column in table["columnDefinitions"]]
    printed = {}
    for row in table["rows"]:
        metadata = row["object"]["metadata"]
        printed[metadata["uid"], metadata["resourceVersion"]] = dict(zip(columns, row["cells"], strict=True))
    pods = [project_pod(raw, Interner()) for raw in every_recorded_object() if raw.get("kind") in {"Pod", None}]
    pods = [row for row in pods if (row.uid, row.resource_version) in printed]
    assert {row.name for row in pods} == {cells["Name"] for cells in printed.values()}
    for row in pods:
        cells = printed[row.uid, row.resource_version]
        ready = sum(container.ready for container in row.containers)
        assert (row.status, str(row.restarts), row.ip, row.node, f"{ready}/{len(row.containers)}") == (
            cells["Status"], str(cells["Restarts"]), cells["IP"], cells["Node"], cells["Ready"],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("unauthorized_401", UnauthorizedError, "Unauthorized"),
        ("auditor_list_pods_clusterwide_403", ForbiddenError, "at the cluster scope"),
        ("list_continue_expired_410", ExpiredError, "continue parameter is too old"),
        ("list_exact_rv_expired_410", ExpiredError, "is too old"),
    ],
)
def test_recorded_failures(name: str, kind: type[KubeError], message: str) -> None:
    answer = recorded(name)
    error = error_of_response(
        answer["status"], {"Content-Type": "application/json"}, json.dumps(answer["body"]).encode()
    )
    assert isinstance(error, kind)
    assert message in error.message
    assert error.continue_token == answer["body"]["metadata"].get("continue", "")


def test_an_unknown_path_is_plain_text() -> None:
    answer = recorded("not_found_404_unknown_path")
    error = error_of_response(404, {"Content-Type": "text/plain; charset=utf-8"}, answer["body"].encode())
    assert (error.status, error.message) == (404, "404 page not found")
