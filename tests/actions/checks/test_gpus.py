"""Where a pod could be placed now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actions.checks.gpus import spare_for
from fleet.model.objects import Node, Pod
from fleet.model.snapshot import Snapshot
from tests.actions.objects import GPU, TOLERATIONS, node
from tests.actions.pods import chat

SPEC: dict[str, Any] = {"tolerations": TOLERATIONS, "containers": [{"resources": {"limits": {GPU: "4"}}}]}


def with_nodes(**nodes: int) -> Snapshot:
    """Three pods of four GPUs on node-1, and these nodes."""
    cluster = chat()
    cluster.add(*(node(name.replace("_", "-"), gpus, pool="h100") for name, gpus in nodes.items()))
    return cluster.settle().snapshot


def changed(snapshot: Snapshot, name: str, **values: Any) -> Snapshot:
    """With one node as it is not."""
    made: Node = replace(snapshot.nodes[name], **values)
    return replace(snapshot, nodes={**snapshot.nodes, name: made})


def test_what_is_held_is_not_free() -> None:
    spare = spare_for(with_nodes(node_2=8, node_3=3), SPEC)
    assert spare.free == {"node-2": 8}
    assert spare.places == 2
    assert spare.words == "node-2 has 8 free"
    assert spare.why_not == {"node-1": "with fewer than 4 free", "node-3": "with fewer than 4 free"}


def test_a_pod_that_ends_still_holds_its_gpus_and_one_that_has_ended_does_not() -> None:
    snapshot = with_nodes()
    held: Pod = snapshot.pods["serving/chat-0"]
    ending = replace(snapshot, pods={**snapshot.pods, held.key: replace(held, deleted=1.0)})
    assert spare_for(ending, SPEC).places == 0
    ended = replace(snapshot, pods={**snapshot.pods, held.key: replace(held, phase="Succeeded")})
    assert spare_for(ended, SPEC).free == {"node-1": 4}


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
    spare = spare_for(changed(with_nodes(node_2=8), "node-2", **values), SPEC)
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
    assert bool(spare_for(snapshot, SPEC | {"affinity": {"nodeAffinity": required}}).free) is fits
    if operator == "In":
        assert bool(spare_for(snapshot, SPEC | {"nodeSelector": {"pool": values[0]}}).free) is fits


def test_another_resource_is_another_kind_of_gpu() -> None:
    mig = {"tolerations": TOLERATIONS, "containers": [{"resources": {"limits": {"nvidia.com/mig-1g.10gb": "1"}}}]}
    assert spare_for(with_nodes(node_2=8), mig).words == "no node has nvidia.com/mig-1g.10gb"
    assert spare_for(with_nodes(), {"containers": [{}]}).words == "it needs no GPU"


def test_a_node_that_is_to_be_closed_has_no_room() -> None:
    spare = spare_for(with_nodes(node_2=8), SPEC, without=frozenset({"node-2"}))
    assert not spare.free
    assert spare.words == "1 node with fewer than 4 free, 1 node to be drained"
