"""Controllers carry out changes made through the API: pods deleted, workloads scaled and rolled out, nodes cordoned."""

from __future__ import annotations

import pytest

from simulator.controllers.deployments import Deployments
from simulator.scenarios import Incident, Scenario
from tests.simulator.fleet_support import (
    Watched,
    is_ready,
    names,
    only,
    patch,
    revisions,
    state,
    with_revision,
)


def test_a_pod_that_is_gone_from_the_api_is_replaced() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    before = names(fleet.pods("chat-8b"))
    victim = min(before)
    fleet.store.delete("v1", "Pod", "serving", victim)
    fleet.run(2)
    after = fleet.pods("chat-8b")
    assert len(after) == 5
    assert victim not in names(after)
    (new,) = (pod for pod in after if pod["metadata"]["name"] not in before)
    assert not is_ready(new)
    fleet.run(60)
    assert all(is_ready(pod) for pod in fleet.pods("chat-8b"))


def test_a_pod_that_is_told_to_end_ends_after_a_while() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    victim = fleet.pods("chat-8b")[0]
    name = victim["metadata"]["name"]
    fleet.store.put(victim | {"metadata": victim["metadata"] | {"deletionTimestamp": "2026-11-21T01:01:00Z"}})
    fleet.run(2)
    endpoints = [
        endpoint
        for piece in fleet.objects("EndpointSlice", "discovery.k8s.io/v1", "serving")
        for endpoint in piece["endpoints"]
        if endpoint["targetRef"]["name"] == name
    ]
    assert [(e["conditions"]["ready"], e["conditions"]["terminating"]) for e in endpoints] == [(False, True)]
    assert name in names(fleet.pods("chat-8b"))
    assert name not in {endpoint.pod for endpoint in fleet.fleet.endpoints()}
    fleet.run(59)
    assert name not in names(fleet.pods("chat-8b"))
    assert len(fleet.pods("chat-8b")) == 5


def test_scaling_down_and_up() -> None:
    fleet = Watched(blueprint=only("summarize"))
    patch(fleet, fleet.apps("Deployment", "batch", "summarize"), replicas=1)
    fleet.run(12)
    assert len(fleet.pods("summarize")) == 1
    obj = fleet.apps("Deployment", "batch", "summarize")
    assert obj["status"]["replicas"] == 1
    assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
    patch(fleet, obj, replicas=3)
    fleet.run(3)
    pods = fleet.pods("summarize")
    assert len(pods) == 3
    starting = [pod for pod in pods if not is_ready(pod)]
    assert len(starting) == 2
    assert all(state(pod)["started"] is False for pod in starting)
    messages = [e["message"] for e in fleet.events("ScalingReplicaSet")]
    assert any(m.startswith("Scaled down") and m.endswith("from 2 to 1") for m in messages)
    assert any(m.startswith("Scaled up") and m.endswith("from 1 to 3") for m in messages)
    fleet.run(75)
    assert all(is_ready(pod) for pod in fleet.pods("summarize"))


def test_deleting_a_workload_deletes_what_it_made() -> None:
    fleet = Watched(blueprint=only("summarize", "coder-32b"))
    fleet.store.delete("apps/v1", "Deployment", "batch", "summarize")
    fleet.store.delete("apps/v1", "StatefulSet", "serving", "coder-32b")
    fleet.run(65)
    assert fleet.pods("summarize") == fleet.pods("coder-32b") == []
    assert "summarize" not in {
        rs["metadata"]["ownerReferences"][0]["name"] for rs in fleet.objects("ReplicaSet", "apps/v1")
    }


def test_to_zero_and_nobody_serves() -> None:
    fleet = Watched(blueprint=only("legacy-13b"))
    patch(fleet, fleet.apps("Deployment", "batch", "legacy-13b"), replicas=0)
    fleet.run(12)
    assert fleet.pods("legacy-13b") == []
    fleet.run(5)


def test_a_rollout_replaces_pods_within_its_limits_and_can_be_undone() -> None:
    fleet = Watched(blueprint=only("chat-70b"))
    obj = fleet.apps("Deployment", "serving", "chat-70b")
    patch(fleet, obj, template=with_revision(obj, "abc1234"))
    least = 3
    for _ in range(400):
        fleet.run(1)
        alive = [pod for pod in fleet.pods("chat-70b") if "deletionTimestamp" not in pod["metadata"]]
        assert len(alive) <= 3  # maxSurge 0
        least = min(least, sum(is_ready(pod) for pod in alive))
    assert least == 2  # maxUnavailable 1
    assert revisions(fleet.pods("chat-70b")) == ["abc1234"] * 3
    obj = fleet.apps("Deployment", "serving", "chat-70b")
    assert obj["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert obj["status"]["conditions"][1]["reason"] == "NewReplicaSetAvailable"

    patch(fleet, obj, template=with_revision(obj, "6f6073b"))
    fleet.run(2)
    obj = fleet.apps("Deployment", "serving", "chat-70b")
    assert obj["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "4"
    numbers = sorted(
        rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        for rs in fleet.objects("ReplicaSet", "apps/v1", "serving")
        if rs["metadata"]["ownerReferences"][0]["name"] == "chat-70b"
    )
    assert numbers == ["1", "3", "4"]  # the old ReplicaSet is used again under a new number


def test_a_paused_deployment_does_not_roll() -> None:
    fleet = Watched(blueprint=only("summarize"))
    obj = fleet.apps("Deployment", "batch", "summarize")
    patch(fleet, obj, paused=True, template=with_revision(obj, "abc1234"))
    fleet.run(20)
    assert revisions(fleet.pods("summarize")) == ["9527884"] * 2
    patch(fleet, fleet.apps("Deployment", "batch", "summarize"), paused=False)
    fleet.run(5)
    assert "abc1234" in revisions(fleet.pods("summarize"))


def test_a_stuck_rollout_passes_its_deadline() -> None:
    fleet = Watched("bad-rollout", blueprint=only("chat-8b", "summarize"))
    obj = fleet.apps("Deployment", "serving", "chat-8b")
    patch(fleet, obj, progressDeadlineSeconds=60)
    fleet.run(100)
    (progressing,) = (
        c for c in fleet.apps("Deployment", "serving", "chat-8b")["status"]["conditions"] if c["type"] == "Progressing"
    )
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")


def test_a_stateful_set_rolls_from_the_last_ordinal() -> None:
    fleet = Watched(blueprint=only("coder-32b"))
    obj = fleet.apps("StatefulSet", "serving", "coder-32b")
    patch(fleet, obj, template=with_revision(obj, "abc1234"))
    fleet.run(65)
    changed = [pod["metadata"]["name"] for pod in fleet.pods("coder-32b") if revisions([pod]) == ["abc1234"]]
    assert changed == ["coder-32b-2"]
    fleet.run(300)
    assert revisions(fleet.pods("coder-32b")) == ["abc1234"] * 3
    assert names(fleet.pods("coder-32b")) == {"coder-32b-0", "coder-32b-1", "coder-32b-2"}
    status = fleet.apps("StatefulSet", "serving", "coder-32b")["status"]
    assert status["currentRevision"] == status["updateRevision"]
    numbers = [r["revision"] for r in fleet.objects("ControllerRevision", "apps/v1", "serving")]
    assert sorted(numbers) == [1, 2, 3]


def test_a_stateful_set_shrinks_from_the_end() -> None:
    fleet = Watched(blueprint=only("coder-32b"))
    patch(fleet, fleet.apps("StatefulSet", "serving", "coder-32b"), replicas=1)
    fleet.run(62)
    assert names(fleet.pods("coder-32b")) == {"coder-32b-0"}


def test_nothing_is_placed_on_a_cordoned_node() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    (node,) = (n for n in fleet.objects("Node") if n["metadata"]["name"] == "gpu-l40s-1")
    fleet.store.put(node | {"spec": node["spec"] | {"unschedulable": True}})
    (victim,) = (pod for pod in fleet.pods("chat-8b") if pod["spec"]["nodeName"] == "gpu-l40s-1")
    fleet.store.delete("v1", "Pod", "serving", victim["metadata"]["name"])
    fleet.run(3)
    (new,) = (pod for pod in fleet.pods("chat-8b") if not is_ready(pod))
    message = new["status"]["conditions"][0]["message"]
    assert "1 Insufficient nvidia.com/gpu, 1 node(s) were unschedulable, 4 node(s) didn't match" in message
    fleet.store.put(node)
    fleet.run(2)
    (new,) = (pod for pod in fleet.pods("chat-8b") if not is_ready(pod))
    assert new["spec"]["nodeName"] == "gpu-l40s-1"


def test_labels_that_somebody_sets_on_a_pod_stay() -> None:
    fleet = Watched("crash-loop", blueprint=only("legacy-13b"))
    (pod,) = fleet.pods("legacy-13b")
    labels = pod["metadata"]["labels"] | {"team": "search"}
    fleet.store.put(pod | {"metadata": pod["metadata"] | {"labels": labels}})
    fleet.run(60)
    (pod,) = fleet.pods("legacy-13b")
    assert pod["metadata"]["labels"]["team"] == "search"
    assert state(pod)["restartCount"] > 2


def test_an_autoscaler_takes_replicas_away_only_after_a_while() -> None:
    calm_again = Scenario(
        "burst",
        "",
        incidents=(
            Incident(-30, lambda levers, _: levers.demand("chat-8b", 2.6)),
            Incident(40, lambda levers, _: levers.demand("chat-8b", 0.3)),
        ),
    )
    fleet = Watched(calm_again, blueprint=only("chat-8b"))

    def replicas() -> int:
        return int(fleet.apps("Deployment", "serving", "chat-8b")["spec"]["replicas"])

    fleet.run(40)
    assert replicas() == 7
    fleet.run(200)
    assert replicas() == 7
    fleet.run(300)
    assert replicas() == 5


def test_events_repeat_as_counts() -> None:
    fleet = Watched("crash-loop", blueprint=only("legacy-13b"))
    fleet.run(200)
    repeated = [e for e in fleet.events("BackOff") if e["count"] > 2]
    assert repeated
    assert repeated[0]["firstTimestamp"] < repeated[0]["lastTimestamp"]
    assert repeated[0]["involvedObject"]["name"] == fleet.pods("legacy-13b")[0]["metadata"]["name"]


def test_events_are_forgotten_after_an_hour() -> None:
    fleet = Watched(blueprint=only("legacy-13b"))
    (pod,) = fleet.pods("legacy-13b")
    fleet.store.delete("v1", "Pod", "batch", pod["metadata"]["name"])
    fleet.run(100)
    assert fleet.events("Scheduled")
    fleet.run(3700)
    assert not fleet.events("Scheduled")


def test_controllers_look_at_workloads_when_something_has_changed_and_at_no_other_time() -> None:
    fleet = Watched(blueprint=only("chat-8b", "summarize"))
    looks = 0
    roll = Deployments.roll

    def counted(self: Deployments, now: float) -> None:
        nonlocal looks
        looks += 1
        roll(self, now)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Deployments, "roll", counted)
        fleet.run(60)
        assert looks == 0
        patch(fleet, fleet.apps("Deployment", "batch", "summarize"), replicas=1)
        fleet.run(1)
        assert looks == 1


def test_a_pod_is_available_when_it_has_been_ready_for_long_enough() -> None:
    fleet = Watched(blueprint=only("coder-32b"))
    patch(fleet, fleet.apps("StatefulSet", "serving", "coder-32b"), minReadySeconds=40)
    fleet.store.delete("v1", "Pod", "serving", "coder-32b-2")

    seen = []
    for _ in range(200):
        fleet.run(1)
        status = fleet.apps("StatefulSet", "serving", "coder-32b")["status"]
        seen.append((status["readyReplicas"], status["availableReplicas"]))
    assert seen.count((3, 2)) in range(38, 43)
    assert seen[-1] == (3, 3)
