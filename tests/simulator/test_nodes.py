"""Cordoned, tainted and labelled nodes: who may be placed where, and who comes back."""

from __future__ import annotations

from typing import Any

from tests.simulator.fleet_support import Watched, is_ready, names, only

CORDON = "node.kubernetes.io/unschedulable"


def node(fleet: Watched, name: str) -> dict[str, Any]:
    found = fleet.store.get("v1", "Node", "", name)
    assert found is not None
    return found


def change(fleet: Watched, name: str, **spec: object) -> None:
    obj = node(fleet, name)
    fleet.store.put(obj | {"spec": {key: value for key, value in (obj["spec"] | spec).items() if value is not None}})


def waiting(fleet: Watched, workload: str) -> str:
    """Return the reason why the only pod that is not ready has no node."""
    (pod,) = (pod for pod in fleet.pods(workload) if not is_ready(pod))
    return str(pod["status"]["conditions"][0]["message"])


def test_a_cordon_is_a_taint_as_long_as_it_lasts() -> None:
    fleet = Watched(blueprint=only("embed"))
    change(fleet, "gpu-mig-0", unschedulable=True)
    fleet.run(1)
    taints = node(fleet, "gpu-mig-0")["spec"]["taints"]
    assert taints[0]["key"] == "nvidia.com/gpu"
    assert taints[1] == {"key": CORDON, "effect": "NoSchedule", "timeAdded": "2026-11-21T01:00:01Z"}
    change(fleet, "gpu-mig-0", unschedulable=None)
    fleet.run(1)
    assert [taint["key"] for taint in node(fleet, "gpu-mig-0")["spec"]["taints"]] == ["nvidia.com/gpu"]


def test_a_pod_that_does_not_tolerate_a_taint_waits() -> None:
    fleet = Watched(blueprint=only("embed"))
    taints = [{"key": "maintenance", "value": "soon", "effect": "NoSchedule"}]
    change(fleet, "gpu-mig-0", taints=taints)
    fleet.store.delete("v1", "Pod", "serving", fleet.pods("embed")[0]["metadata"]["name"])
    fleet.run(2)
    assert waiting(fleet, "embed").startswith(
        "0/6 nodes are available: 1 node(s) had untolerated taint {maintenance: soon}, "
        "5 node(s) didn't match Pod's node affinity/selector."
    )
    change(fleet, "gpu-mig-0", taints=[])
    fleet.run(60)
    assert all(is_ready(pod) for pod in fleet.pods("embed"))


def test_a_label_makes_a_node_fit() -> None:
    fleet = Watched(blueprint=only("summarize"))
    obj = node(fleet, "gpu-a100-0")
    labels = obj["metadata"]["labels"] | {"example.com/node-pool": "h100"}
    fleet.store.put(obj | {"metadata": obj["metadata"] | {"labels": labels}})
    for name in ("gpu-h100-0", "gpu-h100-1"):
        change(fleet, name, unschedulable=True)
    fleet.store.delete("v1", "Pod", "batch", fleet.pods("summarize")[0]["metadata"]["name"])
    fleet.run(2)
    (moved,) = (pod for pod in fleet.pods("summarize") if not is_ready(pod))
    assert moved["spec"]["nodeName"] == "gpu-a100-0"


def test_the_pods_of_a_daemon_set_come_back_to_a_cordoned_node() -> None:
    fleet = Watched(blueprint=only("embed"))
    change(fleet, "gpu-mig-0", unschedulable=True)
    fleet.run(1)
    (exporter,) = (pod for pod in fleet.pods("dcgm-exporter") if pod["spec"]["nodeName"] == "gpu-mig-0")
    fleet.fleet.delete_pod("gpu-operator", exporter["metadata"]["name"], grace=None, reason="")
    fleet.run(30)
    (again,) = (pod for pod in fleet.pods("dcgm-exporter") if pod["spec"]["nodeName"] == "gpu-mig-0")
    assert not names([exporter]) & names([again])
    assert is_ready(again)
    status = fleet.apps("DaemonSet", "gpu-operator", "dcgm-exporter")["status"]
    assert [status[key] for key in ("desiredNumberScheduled", "currentNumberScheduled", "numberReady")] == [6] * 3


def test_a_daemon_set_leaves_a_node_that_it_no_longer_tolerates() -> None:
    fleet = Watched(blueprint=only("embed"))
    change(fleet, "gpu-l40s-0", taints=[{"key": "retired", "effect": "NoSchedule"}])
    fleet.run(20)
    assert "gpu-l40s-0" not in {pod["spec"]["nodeName"] for pod in fleet.pods("dcgm-exporter")}
    assert fleet.apps("DaemonSet", "gpu-operator", "dcgm-exporter")["status"]["desiredNumberScheduled"] == 5


def test_a_drained_node_is_empty_and_its_engines_are_elsewhere() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    change(fleet, "gpu-l40s-1", unschedulable=True)
    fleet.run(1)
    moving = [pod for pod in fleet.pods("chat-8b") if pod["spec"]["nodeName"] == "gpu-l40s-1"]
    for pod in moving:
        fleet.fleet.delete_pod("serving", pod["metadata"]["name"], grace=None, reason="EvictionByEvictionAPI")
    fleet.run(120)
    pods = fleet.pods("chat-8b")
    placed = [pod for pod in pods if "nodeName" in pod["spec"]]
    assert {pod["spec"]["nodeName"] for pod in placed} == {"gpu-l40s-0"}
    assert len(pods) == 5  # the node has four GPUs: one waits
    assert "1 node(s) were unschedulable" in waiting(fleet, "chat-8b")
    change(fleet, "gpu-l40s-1", unschedulable=None)
    fleet.run(60)
    assert all(is_ready(pod) for pod in fleet.pods("chat-8b"))
