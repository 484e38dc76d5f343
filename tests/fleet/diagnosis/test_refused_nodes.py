"""A sick node is why a pod gets none only where the scheduler's words about the pod mean its sickness."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.diagnosis.incidents.refused_nodes import _OF_KUBERNETES, _WITHDRAWN
from fleet.diagnosis.registry import CAUSES
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.objects import Condition, Node
from tests.fleet.diagnosis.fleets import Fleet, causes
from tests.fleet.diagnosis.test_scheduling import HEAD, waiting
from tests.fleet.rows import NOW

GPU = "nvidia.com/gpu"
DISK = Condition("DiskPressure", "True", since=NOW - 300)
LOCKED = Condition("KernelDeadlock", "True", since=NOW - 900)
NOT_READY = Condition("Ready", "False", "KubeletNotReady", since=NOW - 300)


def _taint(name: str) -> str:
    return f"1 node(s) had untolerated taint {{node.kubernetes.io/{name}: }}."


def with_node(words: str, **changed: object) -> Fleet:
    """A pod that the scheduler refuses with these words, and a node that is sick."""
    fleet = waiting(HEAD + words)
    fleet.nodes["n0"] = replace(fleet.nodes["n0"], **changed)  # type: ignore[arg-type]
    return fleet


@pytest.mark.parametrize(
    ("words", "changed", "cause"),
    [
        (_taint("disk-pressure"), {"conditions": (DISK,)}, "node-pressure"),
        (_taint("not-ready"), {"conditions": (NOT_READY,), "ready": "False"}, "node-not-ready"),
        (_taint("unreachable"), {"ready": "Unknown"}, "kubelet-silent"),
        ("1 node(s) were unschedulable.", {"unschedulable": True}, "node-cordoned"),
        (
            "1 node(s) had untolerated taint {example.com/disruption: }.",
            {"taints": (("example.com/disruption", "", "NoSchedule"),), "conditions": (LOCKED,)},
            "node-problem",
        ),
    ],
)
def test_a_node_that_is_closed_as_the_scheduler_says_is_the_root(
    words: str, changed: dict[str, object], cause: str
) -> None:
    found = with_node(words, **changed).incidents(0, 60)
    assert found[0].root.cause == cause
    assert "nodes-closed" in {one.cause for one in found[0].symptoms}


@pytest.mark.parametrize(
    ("words", "changed", "cause"),
    [
        (_taint("memory-pressure"), {"conditions": (DISK,)}, "node-pressure"),
        (_taint("disk-pressure"), {"unschedulable": True}, "node-cordoned"),
        ("1 node(s) were unschedulable.", {"conditions": (NOT_READY,), "ready": "False"}, "node-not-ready"),
        (_taint("not-ready"), {"ready": "Unknown"}, "kubelet-silent"),
        ("1 node(s) were unschedulable.", {"conditions": (LOCKED,)}, "node-problem"),
        (
            "1 node(s) had untolerated taint {example.com/uninitialized: }.",
            {"taints": (("example.com/disruption", "", "NoSchedule"),), "conditions": (LOCKED,)},
            "node-problem",
        ),
    ],
)
def test_a_node_that_is_sick_in_another_way_is_an_incident_of_its_own(
    words: str, changed: dict[str, object], cause: str
) -> None:
    assert {cause, "nodes-closed"} <= set(causes(with_node(words, **changed).incidents(0, 60)))


def test_of_two_troubles_of_a_node_the_one_that_the_scheduler_means_is_the_root() -> None:
    spot = ("aws-node-termination-handler/spot-itn", "", "NoSchedule")
    found = with_node(_taint("disk-pressure"), conditions=(DISK,), taints=(spot,)).incidents(0, 60)
    roots = {one.root.cause: {other.cause for other in one.symptoms} for one in found}
    assert roots.keys() == {"node-leaves-soon", "node-pressure"}
    assert "nodes-closed" in roots["node-pressure"]


def _withdrawn(allocatable: int, held: int) -> Node:
    node = Fleet(1).nodes["n0"]
    return replace(node, name=f"x{held}", gpus={GPU: allocatable}, gpu_capacity={GPU: 8})


@pytest.mark.parametrize(
    ("wants", "allocatable", "is_root"),
    [(8, 7, True), (9, 7, False), (4, 7, False), (1, 0, True)],
    ids=["enough with it", "not enough even with it", "enough without it", "none left"],
)
def test_a_withdrawn_gpu_is_the_root_where_the_node_would_do_with_it_and_does_not_without(
    wants: int, allocatable: int, is_root: bool
) -> None:
    fleet = waiting(f"{HEAD}6 Insufficient {GPU}.", gpus=wants)
    fleet.nodes["n9"] = replace(_withdrawn(allocatable, 0), name="n9")
    found = fleet.incidents(0, 200, 1000)
    roots = {one.root.cause: {other.cause for other in one.symptoms} for one in found}
    (sick,) = roots.keys() & _WITHDRAWN
    assert ("no-free-gpu" in roots[sick]) is is_root
    assert ("no-free-gpu" in roots) is not is_root


def test_a_withdrawn_gpu_of_another_kind_is_not_what_the_pod_waits_for() -> None:
    fleet = waiting(f"{HEAD}6 Insufficient nvidia.com/mig-3g.40gb.", gpu_resource="nvidia.com/mig-3g.40gb")
    fleet.nodes["n9"] = replace(_withdrawn(0, 0), name="n9")
    assert set(causes(fleet.incidents(0, 200, 1000))) == {"no-gpu-allocatable", "no-free-gpu"}


def test_every_cause_that_closes_nodes_has_a_taint_of_its_own_or_names_those_of_its_agent() -> None:
    closing = {one.id for one in CAUSES if "nodes-closed" in one.explains and one.of is SubjectKind.NODE}
    known = {cause for _, _, causes in _OF_KUBERNETES.values() for cause in causes}
    assert known <= closing
    assert closing - known == {"node-problem"}
