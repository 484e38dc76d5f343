"""LeaderWorkerSets: replicas are groups, and a group lives and dies together."""

from __future__ import annotations

from typing import Any

from tests.simulator.fleet_support import Watched, is_ready, names, only, parse, patch, reason

LWS = "leaderworkerset.sigs.k8s.io/"


def night(fleet: Watched) -> dict[str, Any]:
    found = fleet.store.get("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "batch", "night-72b")
    assert found is not None
    return found


def test_a_group_is_a_leader_and_its_workers() -> None:
    fleet = Watched(blueprint=only("night-72b"))
    leader, worker = fleet.pods("night-72b")
    assert names([leader, worker]) == {"night-72b-0", "night-72b-0-1"}
    assert {leader["metadata"]["labels"][f"{LWS}worker-index"], worker["metadata"]["labels"][f"{LWS}worker-index"]} == {
        "0",
        "1",
    }
    assert leader["metadata"]["labels"][f"{LWS}group-index"] == worker["metadata"]["labels"][f"{LWS}group-index"] == "0"
    assert [e.pod for e in fleet.fleet.endpoints() if e.job == "vllm"] == ["night-72b-0"]
    above = fleet.apps("StatefulSet", "batch", "night-72b-0")
    assert above["metadata"]["ownerReferences"][0]["uid"] == leader["metadata"]["uid"]
    assert night(fleet)["status"]["readyReplicas"] == 1
    assert reason(night(fleet), "Available")[0] == "True"


def test_replicas_lead_to_groups() -> None:
    fleet = Watched(blueprint=only("night-72b"))
    patch(fleet, night(fleet), replicas=3)
    fleet.run(5)
    assert night(fleet)["status"]["replicas"] == 3
    assert reason(night(fleet), "Available")[0] == "False"
    fleet.run(150)
    assert names(fleet.pods("night-72b")) == {f"night-72b-{n}{w}" for n in range(3) for w in ("", "-1")}
    assert all(is_ready(pod) for pod in fleet.pods("night-72b"))
    assert night(fleet)["status"]["readyReplicas"] == 3
    patch(fleet, night(fleet), replicas=1)
    fleet.run(60)
    assert names(fleet.pods("night-72b")) == {"night-72b-0", "night-72b-0-1"}
    patch(fleet, night(fleet), replicas=0)
    fleet.run(30)
    assert fleet.pods("night-72b") == []


def test_switched_off_and_on_again_it_waits_for_the_names_and_gpus_of_the_group_before() -> None:
    fleet = Watched(blueprint=only("night-72b", "coder-32b"))
    patch(fleet, night(fleet), replicas=0)
    fleet.run(1)
    patch(fleet, night(fleet), replicas=1)
    fleet.run(150)
    pods = fleet.pods("night-72b")
    assert names(pods) == {"night-72b-0", "night-72b-0-1"}
    assert all(is_ready(pod) for pod in pods)
    holders = {
        sample.labels["pod"]
        for sample in parse(fleet.dcgm("gpu-a100-0"))
        if sample.name == "DCGM_FI_DEV_FB_USED" and "pod" in sample.labels
    }
    assert holders == {"night-72b-0", "night-72b-0-1", "coder-32b-0", "coder-32b-1", "coder-32b-2"}
    patch(fleet, night(fleet), replicas=0)
    fleet.run(60)
    assert fleet.fleet.cluster.machines["gpu-a100-0"].idle == 2


def test_a_worker_that_is_evicted_takes_its_group_with_it() -> None:
    fleet = Watched(blueprint=only("night-72b"))
    before = {pod["metadata"]["uid"] for pod in fleet.pods("night-72b")}
    fleet.fleet.delete_pod("batch", "night-72b-0-1", grace=None, reason="EvictionByEvictionAPI")
    fleet.run(150)
    pods = fleet.pods("night-72b")
    assert names(pods) == {"night-72b-0", "night-72b-0-1"}
    assert all(is_ready(pod) for pod in pods)
    assert not before & {pod["metadata"]["uid"] for pod in pods}


def test_deleting_it_deletes_everything_below() -> None:
    fleet = Watched(blueprint=only("night-72b"))
    fleet.store.delete("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "batch", "night-72b")
    fleet.run(60)
    assert fleet.pods("night-72b") == []
    assert fleet.objects("StatefulSet", "apps/v1", "batch") == []
    assert fleet.objects("ControllerRevision", "apps/v1", "batch") == []
