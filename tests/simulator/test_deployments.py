"""Deployments and their ReplicaSets: what a rollout does, what it waits for, and how it is taken back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.fleet_support import (
    Watched,
    is_ready,
    names,
    only,
    patch,
    reason,
    revisions,
    with_revision,
)

REVISION = "deployment.kubernetes.io/revision"


def replica_sets(fleet: Watched, deployment: str) -> dict[str, dict[str, Any]]:
    """The ReplicaSets of a Deployment by the model revision of their template."""
    return {
        revisions([{"spec": rs["spec"]["template"]["spec"]}])[0]: rs
        for rs in fleet.objects("ReplicaSet", "apps/v1")
        if rs["metadata"]["ownerReferences"][0]["name"] == deployment
    }


def sizes(fleet: Watched, deployment: str) -> dict[str, int]:
    return {name: rs["spec"]["replicas"] for name, rs in replica_sets(fleet, deployment).items()}


def surge(up: int | str, down: int | str) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": up, "maxUnavailable": down}}


def test_every_engine_workload_remembers_what_ran_before() -> None:
    fleet = Watched()
    for name in ("chat-70b", "chat-8b", "embed", "summarize", "legacy-13b"):
        sets = [
            rs for rs in fleet.objects("ReplicaSet", "apps/v1") if rs["metadata"]["ownerReferences"][0]["name"] == name
        ]
        annotations = [rs["metadata"]["annotations"] for rs in sets]
        assert sorted(a[REVISION] for a in annotations) == ["1", "2"]
        assert len({a["kubernetes.io/change-cause"] for a in annotations}) == 2
        containers = [rs["spec"]["template"]["spec"]["containers"][0] for rs in sets]
        assert containers[0]["image"] != containers[1]["image"] or containers[0]["args"] != containers[1]["args"]
    history = fleet.objects("ControllerRevision", "apps/v1", "serving")
    assert sorted(revision["revision"] for revision in history) == [1, 2]


def test_a_surge_without_a_free_gpu_waits_until_a_replica_may_go_first() -> None:
    fleet = Watched(blueprint=only("chat-70b", "summarize"))
    obj = fleet.apps("Deployment", "serving", "chat-70b")
    # Two nodes of eight GPUs: three replicas of four, and five for others, leave no room for a fourth.
    patch(fleet, fleet.apps("Deployment", "batch", "summarize"), replicas=4)
    patch(fleet, obj, strategy=surge("25%", "25%"), progressDeadlineSeconds=30, template=with_revision(obj, "abc1234"))
    fleet.run(20)
    obj = fleet.apps("Deployment", "serving", "chat-70b")
    assert sizes(fleet, "chat-70b") == {"abc1234": 1, "6f6073b": 3, "1d4bb51": 0}
    (waiting,) = (pod for pod in fleet.pods("chat-70b") if not is_ready(pod))
    message = waiting["status"]["conditions"][0]["message"]
    assert message == (
        "0/6 nodes are available: 2 Insufficient nvidia.com/gpu, 4 node(s) didn't match Pod's node affinity/selector. "
        "no new claims to deallocate, preemption: 0/6 nodes are available: 2 No preemption victims found for incoming "
        "pod, 4 Preemption is not helpful for scheduling."
    )
    assert reason(obj, "Progressing") == ("True", "ReplicaSetUpdated")
    assert [obj["status"][key] for key in ("replicas", "updatedReplicas", "availableReplicas")] == [4, 1, 3]
    fleet.run(20)
    obj = fleet.apps("Deployment", "serving", "chat-70b")
    assert reason(obj, "Progressing") == ("False", "ProgressDeadlineExceeded")
    assert reason(obj, "Available") == ("True", "MinimumReplicasAvailable")

    patch(fleet, obj, strategy=surge(0, 1))
    fleet.run(2)
    obj = fleet.apps("Deployment", "serving", "chat-70b")
    assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
    assert sizes(fleet, "chat-70b")["6f6073b"] == 2
    fleet.run(650)
    assert sizes(fleet, "chat-70b") == {"abc1234": 3, "6f6073b": 0, "1d4bb51": 0}
    obj = fleet.apps("Deployment", "serving", "chat-70b")
    assert reason(obj, "Progressing") == ("True", "NewReplicaSetAvailable")


def test_an_old_template_gets_its_old_replica_set_under_a_new_number() -> None:
    fleet = Watched(blueprint=only("summarize"))
    before = replica_sets(fleet, "summarize")
    obj = fleet.apps("Deployment", "batch", "summarize")
    template = with_revision(obj, "abc1234")
    annotations = obj["metadata"]["annotations"] | {"kubernetes.io/change-cause": "try abc1234"}
    patch(fleet, obj | {"metadata": obj["metadata"] | {"annotations": annotations}}, template=template)
    fleet.run(2)
    made = replica_sets(fleet, "summarize")["abc1234"]["metadata"]
    assert made["annotations"]["kubernetes.io/change-cause"] == "try abc1234"
    assert made["annotations"][REVISION] == "3"
    obj = fleet.apps("Deployment", "batch", "summarize")
    patch(fleet, obj, template=with_revision(obj, "9527884"))
    fleet.run(2)
    again = replica_sets(fleet, "summarize")["9527884"]["metadata"]
    assert again["uid"] == before["9527884"]["metadata"]["uid"]
    assert again["annotations"][REVISION] == "4"
    assert again["annotations"]["deployment.kubernetes.io/revision-history"] == "2"
    assert fleet.apps("Deployment", "batch", "summarize")["metadata"]["annotations"][REVISION] == "4"
    assert replica_sets(fleet, "summarize").keys() == {"20b2ed1", "9527884", "abc1234"}


def test_no_more_revisions_are_kept_than_wanted() -> None:
    fleet = Watched(blueprint=only("legacy-13b"))
    patch(fleet, fleet.apps("Deployment", "batch", "legacy-13b"), revisionHistoryLimit=1, strategy={"type": "Recreate"})
    for number in range(3):
        obj = fleet.apps("Deployment", "batch", "legacy-13b")
        patch(fleet, obj, template=with_revision(obj, f"abc000{number}"))
        fleet.run(120)
    assert sizes(fleet, "legacy-13b") == {"abc0001": 0, "abc0002": 1}


def test_recreate_stops_everything_first() -> None:
    fleet = Watched(blueprint=only("summarize"))
    obj = fleet.apps("Deployment", "batch", "summarize")
    before = names(fleet.pods("summarize"))
    patch(fleet, obj, strategy={"type": "Recreate"}, template=with_revision(obj, "abc1234"))
    seen = set[frozenset[str]]()
    for _ in range(30):
        fleet.run(1)
        seen.add(frozenset(revisions(fleet.pods("summarize"))))
    assert frozenset({"abc1234", "9527884"}) not in seen
    fleet.run(90)
    assert revisions(fleet.pods("summarize")) == ["abc1234"] * 2
    assert not before & names(fleet.pods("summarize"))
    assert reason(fleet.apps("Deployment", "batch", "summarize"), "Progressing")[1] == "NewReplicaSetAvailable"


def test_a_pause_says_so_and_still_scales() -> None:
    fleet = Watched(blueprint=only("summarize"))
    obj = fleet.apps("Deployment", "batch", "summarize")
    patch(fleet, obj, paused=True, template=with_revision(obj, "abc1234"))
    fleet.run(2)
    obj = fleet.apps("Deployment", "batch", "summarize")
    assert reason(obj, "Progressing") == ("Unknown", "DeploymentPaused")
    assert "abc1234" not in replica_sets(fleet, "summarize")
    patch(fleet, obj, replicas=3)
    fleet.run(2)
    assert revisions(fleet.pods("summarize")) == ["9527884"] * 3
    patch(fleet, fleet.apps("Deployment", "batch", "summarize"), paused=False)
    fleet.run(1)
    assert reason(fleet.apps("Deployment", "batch", "summarize"), "Progressing")[1] == "DeploymentResumed"
    fleet.run(3)
    assert reason(fleet.apps("Deployment", "batch", "summarize"), "Progressing") == ("True", "ReplicaSetUpdated")
    assert "abc1234" in replica_sets(fleet, "summarize")


def test_scaling_a_replica_set_of_a_deployment_does_not_last() -> None:
    fleet = Watched(blueprint=only("summarize"))
    rs = replica_sets(fleet, "summarize")["9527884"]
    patch(fleet, rs, replicas=4)
    fleet.run(2)
    assert sizes(fleet, "summarize")["9527884"] == 2
    fleet.run(10)
    assert len(fleet.pods("summarize")) == 2


def test_scaling_in_the_middle_of_a_rollout_keeps_the_proportion() -> None:
    fleet = Watched("bad-rollout", blueprint=only("chat-8b", "summarize"))
    fleet.run(5)
    assert sizes(fleet, "chat-8b") == {"4281e96": 3, "0e9e39f": 4, "8c22764": 0}
    fleet.store.delete("autoscaling/v2", "HorizontalPodAutoscaler", "serving", "chat-8b")
    patch(fleet, fleet.apps("Deployment", "serving", "chat-8b"), replicas=2)
    fleet.run(1)
    assert sizes(fleet, "chat-8b") == {"4281e96": 1, "0e9e39f": 2, "8c22764": 0}


def test_a_bad_rollout_is_healed_by_the_template_before() -> None:
    fleet = Watched("bad-rollout", blueprint=only("chat-8b", "summarize"))
    fleet.run(10)
    obj = fleet.apps("Deployment", "serving", "chat-8b")
    patch(fleet, obj, template=with_revision(obj, "0e9e39f"))
    fleet.run(90)
    pods = fleet.pods("chat-8b")
    assert revisions(pods) == ["0e9e39f"] * 5
    assert all(is_ready(pod) for pod in pods)
    assert reason(fleet.apps("Deployment", "serving", "chat-8b"), "Progressing") == ("True", "NewReplicaSetAvailable")


def test_a_restart_replaces_every_pod() -> None:
    fleet = Watched(blueprint=only("summarize"))
    before = names(fleet.pods("summarize"))
    obj = fleet.apps("Deployment", "batch", "summarize")
    template = obj["spec"]["template"]
    annotations = {"kubectl.kubernetes.io/restartedAt": "2026-11-21T01:00:00Z"}
    metadata = template["metadata"] | {"annotations": template["metadata"]["annotations"] | annotations}
    patch(fleet, obj, template=template | {"metadata": metadata})
    fleet.run(200)
    after = fleet.pods("summarize")
    assert len(after) == 2
    assert not before & names(after)
    assert all(annotations.items() <= pod["metadata"]["annotations"].items() for pod in after)


@pytest.mark.parametrize("image", ["vllm/vllm-openai:v9.9.9"])
def test_an_image_that_nobody_has_cannot_be_pulled(image: str) -> None:
    fleet = Watched(blueprint=only("legacy-13b"))
    obj = fleet.apps("Deployment", "batch", "legacy-13b")
    template = obj["spec"]["template"]
    container = template["spec"]["containers"][0] | {"image": image}
    patch(fleet, obj, template=template | {"spec": template["spec"] | {"containers": [container]}})
    fleet.run(60)
    (stuck,) = (pod for pod in fleet.pods("legacy-13b") if not is_ready(pod))
    waiting = stuck["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] == "ImagePullBackOff"
    assert "v9.9.9: not found" in waiting["message"]
    assert len(fleet.events("Failed")) == 2
