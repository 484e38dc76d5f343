"""A name that a user types denotes one object, even if it was made by another workload."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.request import Target
from console.cli.find_object import NotNamedError, find
from fleet.model.objects import Owner, Pod, Workload
from fleet.model.snapshot import Cluster, Snapshot
from fleet.sources.kube.owners import ownership

KINDS = ("Deployment", "StatefulSet", "LeaderWorkerSet")


def _row(kind: str, name: str, owner: Owner | None = None) -> Workload:
    return Workload(kind, "llm", name, f"uid-{kind}-{name}", "1", 1.0, 2, owner=owner)


def _pod(name: str, owner: Owner) -> Pod:
    labels = {"pod-template-hash": "abc"}
    return Pod("llm", name, f"uid-{name}", "1", 1.0, "Running", "Running", True, 0, owner=owner, labels=labels)


def _fleet(*rows: Workload, pods: tuple[Pod, ...] = ()) -> Snapshot:
    replica_sets = {row.key: row for row in rows if row.kind == "ReplicaSet"}
    workloads = {row.key: row for row in rows if row.kind != "ReplicaSet"}
    seen = ownership({pod.key: pod for pod in pods}, replica_sets, workloads)
    return Snapshot(
        1, 1.0, Cluster("c", "s", "u"), pods={pod.key: pod for pod in pods}, workloads=seen.workloads,
        pods_of=seen.pods_of, workload_of=seen.workload_of, parts=seen.parts, part_of=seen.part_of,
    )  # fmt: skip


def _of_inference_service() -> Snapshot:
    owner = Owner("InferenceService", "llama", "uid-isvc")
    rows = []
    pods = []
    for name in ("llama-predictor", "llama-transformer"):
        rows.append(_row("Deployment", name, owner))
        rows.append(_row("ReplicaSet", f"{name}-abc", Owner("Deployment", name, f"uid-Deployment-{name}")))
        pods.append(_pod(f"{name}-abc-1", Owner("ReplicaSet", f"{name}-abc", f"uid-ReplicaSet-{name}-abc")))
    return _fleet(*rows, pods=tuple(pods))


@pytest.mark.parametrize("typed", ["deployment/llama-predictor", "deploy/llama-predictor", "llama-predictor"])
def test_the_deployment_that_another_owner_made_goes_by_its_name(typed: str) -> None:
    found = find(typed, _of_inference_service(), "llm", "default", KINDS)
    assert found == Target("Deployment", "llm", "llama-predictor", "uid-Deployment-llama-predictor")


def test_the_owners_name_leads_to_what_it_has_made() -> None:
    with pytest.raises(NotNamedError, match=r"llama is InferenceService llama in llm.*deployment/llama-predictor"):
        find("llama", _of_inference_service(), "llm", "default", KINDS)


def test_the_pods_of_a_part_are_its_own() -> None:
    fleet = _of_inference_service()
    assert fleet.members("llm/Deployment/llama-predictor") == ("llm/llama-predictor-abc-1",)
    assert len(fleet.members("llm/InferenceService/llama")) == 2
    assert fleet.top("llm/Deployment/llama-predictor") == "llm/InferenceService/llama"


def test_a_group_goes_before_the_stateful_set_of_the_same_name() -> None:
    group = _row("LeaderWorkerSet", "night")
    fleet = _fleet(group, _row("StatefulSet", "night", Owner("LeaderWorkerSet", "night", group.uid)))
    assert find("night", fleet, "llm", "default", KINDS).kind == "LeaderWorkerSet"
    assert find("sts/night", fleet, "llm", "default", KINDS).kind == "StatefulSet"


def test_a_name_of_another_kind_is_told_with_what_can_be_meant() -> None:
    owner = Owner("ReplicaSet", "chat-abc", "uid-rs")
    rows = (
        _row("Deployment", "chat"),
        _row("ReplicaSet", "chat-abc", Owner("Deployment", "chat", "uid-Deployment-chat")),
    )
    snapshot = _fleet(*rows, pods=(_pod("chat-abc-x", owner),))
    with pytest.raises(NotNamedError) as raised:
        find("chat", snapshot, "", "llm", ("Pod", "Node"))
    assert str(raised.value) == "no pod or node chat; chat is a deployment; its pods: chat-abc-x"
    with pytest.raises(NotNamedError) as raised:
        find("nosuch", snapshot, "llm", "llm", KINDS)
    assert str(raised.value) == "no workload nosuch in llm", "not a list of every kind that there is"


def test_a_pod_without_an_owner_is_one_object_although_it_is_its_own_workload() -> None:
    bare = Pod("llm", "solo", "uid-solo", "1", 1.0, "Running", "Running", True, 0)
    assert _row("Pod", "solo").uid != bare.uid
    fleet = _fleet(replace(_row("Pod", "solo"), uid=bare.uid), pods=(bare,))
    for typed in ("solo", "pod/solo"):
        assert find(typed, fleet, "", "default", ("Pod", "Node")).uid == bare.uid
