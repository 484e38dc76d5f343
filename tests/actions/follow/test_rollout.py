"""Completion of a rollout, from the status of the workload."""

from __future__ import annotations

from typing import Any

import pytest

from actions.follow.rollout import state_of
from actions.kinds.scale.action import pods_of
from tests.actions.stage import deployment


def of(kind: str, **status: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"generation": 3}, "spec": {"replicas": 2}, "status": status}


def test_a_deployment_has_settled_when_every_count_agrees() -> None:
    assert state_of(deployment()).settled
    fresh = deployment()
    fresh["metadata"]["generation"] = 4
    assert not state_of(fresh).settled
    assert "not seen the change" in state_of(fresh).words


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"updatedReplicas": 1, "replicas": 3, "availableReplicas": 2}, "1 of 2 pods on the new template"),
        ({"updatedReplicas": 2, "replicas": 3, "availableReplicas": 3}, "1 pod too many: still ending"),
        ({"updatedReplicas": 2, "replicas": 2, "availableReplicas": 1}, "1 of 2 available"),
        ({}, "0 of 2 pods made, 0 available"),
    ],
)
def test_what_is_missing_is_said(status: dict[str, Any], words: str) -> None:
    state = state_of(of("Deployment", observedGeneration=3, **status))
    assert not state.settled
    assert words in state.words


def test_a_controller_that_does_not_say_what_it_has_seen_is_believed() -> None:
    group = of("LeaderWorkerSet", replicas=2, readyReplicas=2, updatedReplicas=2)
    assert state_of(group).settled
    assert not state_of(of("StatefulSet", replicas=2, readyReplicas=2, updatedReplicas=2)).observed


def test_a_partition_holds_pods_back_and_a_pause_all_of_them() -> None:
    stateful = of(
        "StatefulSet", observedGeneration=3, replicas=2, readyReplicas=2, updatedReplicas=1, updateRevision="b"
    )
    assert not state_of(stateful).settled
    stateful["spec"]["updateStrategy"] = {"rollingUpdate": {"partition": 1}}
    assert state_of(stateful).settled
    paused = of("Deployment", observedGeneration=3, replicas=2, availableReplicas=2)
    paused["spec"]["paused"] = True
    assert state_of(paused).settled


def test_scaled_to_zero_is_arrived() -> None:
    nothing = of("Deployment", observedGeneration=3)
    nothing["spec"]["replicas"] = 0
    assert state_of(nothing).settled


def test_a_group_has_the_pods_of_its_size() -> None:
    worker = {"containers": [{"name": "vllm"}]}
    group = {
        "kind": "LeaderWorkerSet",
        "spec": {"leaderWorkerTemplate": {"size": 4, "workerTemplate": {"spec": worker}}},
    }
    assert pods_of(group) == (worker, 4)
    assert pods_of({"spec": {"template": {"spec": worker}}}) == (worker, 1)
