"""The number of places where a pod could be scheduled now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actions.checks.gpu_room import check_room
from actions.checks.spare_gpus import spare_gpus
from actions.planning.plan import Verdict
from fleet.model.gpu_vendors import is_gpu
from fleet.model.objects import Node, Pod
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.nodes import project_node
from fleet.sources.kube.project.pods import project_pod
from tests.actions.objects import GPU, TOLERATIONS, node
from tests.actions.pods import chat
from tests.actions.stage import SNAPSHOT

SPEC: dict[str, Any] = {"tolerations": TOLERATIONS, "containers": [{"resources": {"limits": {GPU: "4"}}}]}


def with_nodes(**nodes: int) -> Snapshot:
    """Three pods of four GPUs on node-1, and these nodes."""
    cluster = chat()
    cluster.add(*(node(name.replace("_", "-"), gpus, pool="h100") for name, gpus in nodes.items()))
    return cluster.settle().snapshot


def changed(snapshot: Snapshot, name: str, **values: Any) -> Snapshot:
    """Return the Snapshot with one node changed."""
    made: Node = replace(snapshot.nodes[name], **values)
    return replace(snapshot, nodes={**snapshot.nodes, name: made})


def test_what_is_held_is_not_free() -> None:
    spare = spare_gpus(with_nodes(node_2=8, node_3=3), SPEC)
    assert spare.free == {"node-2": 8}
    assert spare.places == 2
    assert spare.words == "node-2 has 8 free"
    assert spare.why_not == {"node-1": "with fewer than 4 free", "node-3": "with fewer than 4 free"}


def test_a_pod_that_ends_still_holds_its_gpus_and_one_that_has_ended_does_not() -> None:
    snapshot = with_nodes()
    held: Pod = snapshot.pods["serving/chat-0"]
    ending = replace(snapshot, pods={**snapshot.pods, held.key: replace(held, deleted=1.0)})
    assert spare_gpus(ending, SPEC).places == 0
    ended = replace(snapshot, pods={**snapshot.pods, held.key: replace(held, phase="Succeeded")})
    assert spare_gpus(ended, SPEC).free == {"node-1": 4}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"unschedulable": True}, "cordoned"),
        ({"ready": "Unknown"}, "not ready"),
        ({"taints": (("maintenance", "", "NoSchedule"),)}, "tainted maintenance"),
        ({"taints": (("maintenance", "", "PreferNoSchedule"),)}, ""),
        ({"taints": ((GPU, "present", "NoSchedule"),)}, ""),
    ],
)
def test_closed_nodes_do_not_count(values: dict[str, Any], why: str) -> None:
    spare = spare_gpus(changed(with_nodes(node_2=8), "node-2", **values), SPEC)
    assert spare.why_not.get("node-2", "") == why
    assert ("node-2" in spare.free) is (not why)


@pytest.mark.parametrize(
    ("operator", "values", "fits"),
    [
        ("In", ["h100", "h200"], True),
        ("In", ["a100"], False),
        ("NotIn", ["h100"], False),
        ("Exists", [], True),
        ("DoesNotExist", [], False),
    ],
)
def test_affinity_and_selectors_are_honoured(operator: str, values: list[str], fits: bool) -> None:
    snapshot = with_nodes(node_2=8)
    term = {"matchExpressions": [{"key": "pool", "operator": operator, "values": values}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    assert bool(spare_gpus(snapshot, SPEC | {"affinity": {"nodeAffinity": required}}).free) is fits
    if operator == "In":
        assert bool(spare_gpus(snapshot, SPEC | {"nodeSelector": {"pool": values[0]}}).free) is fits


def test_another_resource_is_another_kind_of_gpu() -> None:
    mig = {"tolerations": TOLERATIONS, "containers": [{"resources": {"limits": {"nvidia.com/mig-1g.10gb": "1"}}}]}
    assert spare_gpus(with_nodes(node_2=8), mig).words == "no node has nvidia.com/mig-1g.10gb"
    assert spare_gpus(with_nodes(), {"containers": [{}]}).words == "it needs no GPU"


def test_a_node_that_is_to_be_closed_has_no_room() -> None:
    spare = spare_gpus(with_nodes(node_2=8), SPEC, without=frozenset({"node-2"}))
    assert not spare.free
    assert spare.words == "1 node with fewer than 4 free, 1 node to be drained"


ACCELERATORS = [
    "google.com/tpu",
    "huawei.com/Ascend910",
    "habana.ai/gaudi",
    "aws.amazon.com/neuron",
    "amd.com/gpu",
    "gpu.intel.com/i915",
    "nvidia.com/mig-1g.10gb",
    "example.org/npu",
]


def _offering(devices: dict[str, int]) -> Node:
    offered = {name: str(number) for name, number in devices.items()}
    status = {"allocatable": {**offered, "cpu": "64"}, "conditions": [{"type": "Ready", "status": "True"}]}
    return project_node({"metadata": {"name": "n1"}, "status": status}, Interner())


def _wanting(devices: dict[str, int]) -> dict[str, Any]:
    limits = {name: str(number) for name, number in devices.items()}
    return {"nodeName": "n1", "containers": [{"name": "vllm", "resources": {"limits": limits}}]}


def _running(name: str, spec: dict[str, Any]) -> Pod:
    raw = {"metadata": {"namespace": "llm", "name": name, "uid": name}, "spec": spec, "status": {"phase": "Running"}}
    return project_pod(raw, Interner())


@pytest.mark.parametrize("resource", ACCELERATORS)
def test_every_accelerator_of_a_device_plugin_counts(resource: str) -> None:
    spec = _wanting({resource: 4})
    pod = _running("a", spec)
    fleet = replace(SNAPSHOT, nodes={"n1": _offering({resource: 8})}, pods={pod.key: pod})
    assert spare_gpus(fleet, spec).places == 1
    two = check_room(fleet, spec, 2)
    assert two.verdict is Verdict.WARN
    assert "room for 1 of 2 more pods" in two.text
    assert "needs no GPU" not in two.text
    if not is_gpu(resource):
        assert f"4 {resource} each" in two.text


@pytest.mark.parametrize(
    "resource",
    ["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "pods", "attachable-volumes-aws-ebs", "x.kubernetes.io/y"],
)
def test_what_no_device_plugin_offers_is_no_device(resource: str) -> None:
    spec = _wanting({resource: 4})
    assert spare_gpus(replace(SNAPSHOT, nodes={"n1": _offering({resource: 8})}), spec).words == "it needs no GPU"


def test_a_pod_fits_where_each_of_its_devices_is_free() -> None:
    spec = _wanting({"nvidia.com/gpu": 2, "rdma/hca": 1})
    pod = _running("a", spec)
    nodes = {"n1": _offering({"nvidia.com/gpu": 8, "rdma/hca": 2})}
    fleet = replace(SNAPSHOT, nodes=nodes, pods={pod.key: pod})
    assert spare_gpus(fleet, spec).places == 1, "six GPUs are free, and one network card"
    fleet = replace(fleet, nodes={"n1": _offering({"nvidia.com/gpu": 8, "rdma/hca": 1})})
    assert spare_gpus(fleet, spec).words == "1 node with none of rdma/hca free"


def test_what_comes_by_a_claim_is_not_known() -> None:
    claimed = {"resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "one-gpu"}], "containers": [{}]}
    found = check_room(SNAPSHOT, claimed, 1)
    assert found.verdict is Verdict.WARN
    assert "whether there is room for 1 more pod is not known" in found.text
    assert "needs no GPU" not in spare_gpus(SNAPSHOT, claimed).words
