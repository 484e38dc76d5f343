"""Removal of a pod from service: out of the endpoints, orphaned, deleted, evicted; and the fate of its requests."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.controllers.replica_sets import doomed
from simulator.pods import EVICTED, Phase, Pod
from tests.simulator.fleet_support import (
    Watched,
    increase,
    is_ready,
    names,
    only,
    patch,
    relabel,
    value,
)

NAME = "app.kubernetes.io/name"


def endpoints(fleet: Watched, service: str) -> dict[str, tuple[bool, bool, bool]]:
    """Ready, serving and terminating of each endpoint by the name of its pod."""
    return {
        endpoint["targetRef"]["name"]: (conditions["ready"], conditions["serving"], conditions["terminating"])
        for piece in fleet.objects("EndpointSlice", "discovery.k8s.io/v1")
        if piece["metadata"]["labels"]["kubernetes.io/service-name"] == service
        for endpoint in piece["endpoints"]
        for conditions in [endpoint["conditions"]]
    }


def named(fleet: Watched, name: str, namespace: str = "serving") -> dict[str, Any]:
    found = fleet.store.get("v1", "Pod", namespace, name)
    assert found is not None
    return found


def running(fleet: Watched, pod: dict[str, Any]) -> float:
    page = fleet.page(pod)
    return value(page, "vllm:num_requests_running") + value(page, "vllm:num_requests_waiting")


def test_a_label_that_only_the_service_selects_takes_a_pod_out_of_it() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    fleet.run(10)
    pod = max(fleet.pods("chat-8b"), key=lambda pod: running(fleet, pod))
    name, before = pod["metadata"]["name"], names(fleet.pods("chat-8b"))
    assert running(fleet, pod) > 0
    relabel(fleet, pod, serving="off")
    fleet.run(1)
    assert name not in endpoints(fleet, "chat-8b")
    page = fleet.page(pod)
    fleet.run(60)
    assert names(fleet.pods("chat-8b")) == before  # its ReplicaSet keeps it
    assert is_ready(named(fleet, name))
    assert named(fleet, name)["metadata"]["ownerReferences"]
    assert running(fleet, pod) == 0
    finished = increase(page, fleet.page(pod), "vllm:request_success_total", finished_reason="stop")
    assert finished > 0  # nothing was cut off
    relabel(fleet, pod, serving="on")
    fleet.run(20)
    assert endpoints(fleet, "chat-8b")[name] == (True, True, False)
    assert running(fleet, pod) > 0


def test_a_pod_without_the_selected_label_is_let_go_and_replaced() -> None:
    fleet = Watched(blueprint=only("coder-32b", "embed"))
    pod = fleet.pods("embed")[0]
    name = pod["metadata"]["name"]
    relabel(fleet, pod, **{"app__kubernetes__io/name": "embed-drained"})
    fleet.run(2)
    orphan = named(fleet, name)
    assert "ownerReferences" not in orphan["metadata"]
    assert name not in endpoints(fleet, "embed")
    assert len(fleet.pods("embed")) == 3
    (new,) = (p for p in fleet.pods("embed") if not is_ready(p))
    assert new["metadata"]["ownerReferences"] == pod["metadata"]["ownerReferences"]
    fleet.run(60)
    assert running(fleet, pod) == 0
    assert is_ready(named(fleet, name))  # nobody deletes it

    relabel(fleet, pod, **{"app__kubernetes__io/name": "embed"})
    fleet.run(2)
    assert named(fleet, name)["metadata"]["ownerReferences"] == pod["metadata"]["ownerReferences"]
    leaving = [p for p in fleet.pods("embed") if "deletionTimestamp" in p["metadata"]]
    assert names(leaving) == names([new])  # ready for the shortest time
    fleet.run(60)
    assert len(fleet.pods("embed")) == 3


def test_of_a_surplus_the_pending_pod_goes_first() -> None:
    fleet = Watched(blueprint=only("chat-70b", "summarize"))
    patch(fleet, fleet.apps("Deployment", "batch", "summarize"), replicas=4)
    fleet.run(2)
    pod = fleet.pods("chat-70b")[0]
    relabel(fleet, pod, **{"app__kubernetes__io/name": "drained"})
    fleet.run(2)
    (waiting,) = (p for p in fleet.pods("chat-70b") if not is_ready(p))
    assert waiting["status"]["phase"] == "Pending"
    relabel(fleet, pod, **{"app__kubernetes__io/name": "chat-70b"})
    fleet.run(3)
    assert names(fleet.pods("chat-70b")) >= names([pod])
    assert not names([waiting]) & names(fleet.pods("chat-70b"))


def test_scaling_down_begins_with_the_lowest_deletion_cost() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    victim = fleet.pods("chat-8b")[3]
    meta = victim["metadata"]
    annotations = (meta.get("annotations") or {}) | {"controller.kubernetes.io/pod-deletion-cost": "-1000"}
    fleet.fleet.patch_pod("serving", meta["name"], victim | {"metadata": meta | {"annotations": annotations}})
    patch(fleet, fleet.apps("Deployment", "serving", "chat-8b"), replicas=4)
    fleet.run(1)
    leaving = [p for p in fleet.pods("chat-8b") if "deletionTimestamp" in p["metadata"]]
    assert names(leaving) == {meta["name"]}


def test_who_goes_first_when_a_replica_set_shrinks() -> None:
    def pod(name: str, node: str = "n", cost: str = "0", **changes: Any) -> Pod:
        template = {"metadata": {}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        annotations = {"controller.kubernetes.io/pod-deletion-cost": cost}
        values: dict[str, Any] = {"phase": Phase.READY, "readiness_changed": 10.0, "created": 5.0} | changes
        return Pod(
            "default", name, name, None, template, ip="", workload=None, annotations=annotations, node=node, **values
        )

    in_order = [
        pod("placed nowhere", node="", phase=Phase.PENDING, created=1.0),
        pod("pulls its image", phase=Phase.CREATING),
        pod("crashed", phase=Phase.BACKOFF),
        pod("cheap", cost="-3", node="p"),
        pod("among many, ready of late", readiness_changed=90.0),
        pod("among many, restarted", restarts=2),
        pod("among many, young", created=6.0),
        pod("among many, old", created=2.0),
        pod("alone", node="m", readiness_changed=99.0),
        pod("dear", cost="7"),
    ]
    assert [p.name for p in doomed(in_order[::-1], 10)] == [p.name for p in in_order]
    assert doomed(in_order, 0) == doomed(in_order, -1) == []
    assert doomed([pod("what is no number costs nothing", cost="much"), in_order[3]], 1) == [in_order[3]]


def test_a_pod_that_is_deleted_finishes_its_requests_within_its_grace() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    fleet.run(10)
    pod = max(fleet.pods("chat-8b"), key=lambda pod: running(fleet, pod))
    name = pod["metadata"]["name"]
    fleet.fleet.delete_pod("serving", name, grace=None, reason="")
    leaving = named(fleet, name)["metadata"]
    assert leaving["deletionGracePeriodSeconds"] == 60
    assert leaving["generation"] == pod["metadata"]["generation"] + 1
    fleet.run(1)
    assert endpoints(fleet, "chat-8b")[name] == (False, True, True)
    assert is_ready(named(fleet, name))
    live = fleet.fleet.cluster.pods["serving", name]
    assert live.server
    engine = live.server.engine
    asked, done = engine.load, sum(engine.stats.success.values())
    assert asked > 0
    for _ in range(60):
        fleet.run(1)
        if name not in names(fleet.pods("chat-8b")):
            break
    assert name not in names(fleet.pods("chat-8b"))
    assert sum(engine.stats.success.values()) == done + asked  # all that it had, and no more


def test_a_grace_that_is_too_short_cuts_requests_off() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    fleet.run(10)
    pod = max(fleet.pods("chat-8b"), key=lambda pod: running(fleet, pod))
    name = pod["metadata"]["name"]
    live = fleet.fleet.cluster.pods["serving", name]
    assert live.server
    engine = live.server.engine
    fleet.fleet.delete_pod("serving", name, grace=600.0, reason="")
    fleet.fleet.delete_pod("serving", name, grace=1.0, reason="")
    assert named(fleet, name)["metadata"]["deletionGracePeriodSeconds"] == 1
    fleet.run(2)
    assert name not in names(fleet.pods("chat-8b"))
    assert engine.load > 0


def test_by_force_it_is_gone_at_once() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    name = fleet.pods("chat-8b")[0]["metadata"]["name"]
    fleet.fleet.delete_pod("serving", name, grace=0.0, reason="")
    assert name not in names(fleet.pods("chat-8b"))
    assert name not in {endpoint.pod for endpoint in fleet.fleet.endpoints()}
    with pytest.raises(KeyError):
        fleet.fleet.delete_pod("serving", name, grace=0.0, reason="")


def test_an_old_version_of_vllm_drops_what_runs() -> None:
    fleet = Watched(blueprint=only("summarize"))
    fleet.run(5)
    pod = max(fleet.pods("summarize"), key=lambda pod: running(fleet, pod))
    assert running(fleet, pod) > 0
    fleet.fleet.delete_pod("batch", pod["metadata"]["name"], grace=None, reason="")
    assert fleet.fleet.cluster.pods["batch", pod["metadata"]["name"]].server is None


def test_an_eviction_is_said_in_the_conditions_and_counts_against_the_budget() -> None:
    fleet = Watched(blueprint=only("chat-70b"))

    def budget() -> dict[str, Any]:
        (found,) = fleet.objects("PodDisruptionBudget", "policy/v1", "serving")
        status: dict[str, Any] = found["status"]
        return {key: status[key] for key in ("disruptionsAllowed", "currentHealthy", "expectedPods")}

    assert budget() == {"disruptionsAllowed": 1, "currentHealthy": 3, "expectedPods": 3}
    name = fleet.pods("chat-70b")[0]["metadata"]["name"]
    fleet.fleet.delete_pod("serving", name, grace=None, reason=EVICTED)
    (why,) = (c for c in named(fleet, name)["status"]["conditions"] if c["type"] == "DisruptionTarget")
    assert (why["status"], why["reason"], why["message"]) == ("True", EVICTED, "Eviction API: evicting")
    assert budget()["disruptionsAllowed"] == 0  # so that the next eviction in the same second is refused
    fleet.run(1)
    # The one that leaves is still there, and so is the one that replaces it.
    assert budget() == {"disruptionsAllowed": 0, "currentHealthy": 2, "expectedPods": 4}
    fleet.run(200)
    assert budget() == {"disruptionsAllowed": 1, "currentHealthy": 3, "expectedPods": 3}


def test_a_budget_may_be_a_share_or_what_may_be_missing() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    (budget,) = fleet.objects("PodDisruptionBudget", "policy/v1", "serving")
    for rule, needed in (({"minAvailable": "50%"}, 3), ({"maxUnavailable": 1}, 4), ({"maxUnavailable": "30%"}, 3)):
        generation = budget["metadata"]["generation"] + 1
        changed = budget | {
            "metadata": budget["metadata"] | {"generation": generation},
            "spec": {"selector": budget["spec"]["selector"]} | rule,
        }
        fleet.store.put(changed)
        fleet.run(1)
        (budget,) = fleet.objects("PodDisruptionBudget", "policy/v1", "serving")
        assert budget["status"]["desiredHealthy"] == needed
        assert budget["status"]["disruptionsAllowed"] == 5 - needed
        assert budget["status"]["observedGeneration"] == generation
