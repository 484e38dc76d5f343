"""Pods without a node: the decisive reason of the scheduler, and the facts about the node in the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleet.diagnosis.causes.scheduler_reasons import REFUSALS, decisive, refusals_in
from fleet.diagnosis.incidents.evidence import explain
from fleet.model.finding import FindingState, Incident
from fleet.model.objects import Condition
from tests.fleet.diagnosis.fleets import Fleet
from tests.fleet.rows import NOW, node

HEAD = "0/6 nodes are available: "
NO_PREEMPTION = " preemption: 0/6 nodes are available: 6 Preemption is not helpful for scheduling."

EXAMPLES = {
    "closed": "1 node(s) were unschedulable",
    "node": "1 node(s) didn't match the requested node name",
    "taint": "1 node(s) had untolerated taint {a: b}",
    "selector": "1 node(s) didn't match Pod's node affinity/selector",
    "port": "1 node(s) didn't have free ports for the requested pod ports",
    "device": "1 Insufficient nvidia.com/gpu",
    "resource": "1 Insufficient cpu",
    "volume-used": "1 node(s) had no available disk",
    "volume-limit": "1 node(s) exceed max volume count",
    "unbound": "1 node(s) did not have enough free storage",
    "claim": "1 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
    "zone": "1 node(s) had no available volume zone",
    "spread": "1 node(s) didn't match pod topology spread constraints (missing required label)",
    "apart": "1 node(s) didn't match pod anti-affinity rules",
    "together": "1 node(s) didn't match pod affinity rules",
    "device-claim": "1 resourceclaim not available on the node",
    "gang": "waiting for pods from a gang to be scheduled",
}
"""Reason of the table → the scheduler's words for it."""


def waiting(message: str, since: float = NOW - 200, **more: Any) -> Fleet:
    fleet = Fleet(3)
    waits = Condition("PodScheduled", "False", "Unschedulable", message, since=since)
    fields = {"ready": False, "phase": "Pending", "status": "Pending", "node": "", "conditions": (waits,)}
    fleet.of("chat-2", **fields | {"gpu_resource": "nvidia.com/gpu"} | more)
    return fleet


def told(message: str, **more: Any) -> Incident:
    (found,) = waiting(message, **more).incidents(0)
    return found


@pytest.mark.parametrize(
    ("reasons", "cause", "words"),
    [
        ("6 Insufficient nvidia.com/gpu.", "no-free-gpu", "no free GPU"),
        ("6 Insufficient memory.", "node-resources-short", "no node has enough memory"),
        ("6 Insufficient rdma/hca.", "node-resources-short", "no node has enough rdma/hca"),
        ("6 Too many pods.", "node-resources-short", "no node has enough pods"),
        ("6 node(s) didn't match Pod's node affinity/selector.", "node-selector-unmatched", ""),
        ("6 node(s) had untolerated taint {team: search}.", "taint-not-tolerated", "taint team not tolerated"),
        ("6 node(s) had taint {team: search}, that the pod didn't tolerate.", "taint-not-tolerated", ""),
        ("6 node(s) had untolerated taint(s).", "taint-not-tolerated", "taint not tolerated"),
        ("6 node(s) were unschedulable.", "nodes-closed", "nodes closed: unschedulable"),
        (
            "6 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }.",
            "nodes-closed",
            "nodes closed: disk-pressure",
        ),
        ("6 node(s) didn't have free ports for the requested pod ports.", "host-port-taken", ""),
        ("6 node(s) didn't match pod anti-affinity rules.", "anti-affinity", ""),
        ("6 node(s) didn't satisfy existing pods anti-affinity rules.", "anti-affinity", ""),
        ("6 node(s) didn't match pod affinity rules.", "pod-affinity-unmatched", ""),
        ("6 node(s) didn't match pod topology spread constraints.", "spread-unsatisfied", ""),
        ("pod has unbound immediate PersistentVolumeClaims.", "volume-not-bound", ""),
        ("6 node(s) didn't find available persistent volumes to bind.", "volume-not-bound", ""),
        ('persistentvolumeclaim "weights" not found.', "volume-claim-missing", "volume claim weights missing"),
        ("6 node(s) had volume node affinity conflict.", "volume-in-other-zone", ""),
        ("6 node(s) exceed max volume count.", "node-volume-limit", ""),
        ("6 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod.", "volume-in-use", ""),
        ("6 cannot allocate all claims.", "device-claim-not-allocated", ""),
        ("6 node(s) are haunted.", "unschedulable", "unschedulable: 6 node(s) are haunted"),
    ],
)
def test_reason_of_the_scheduler_is_told_with_its_message(reasons: str, cause: str, words: str) -> None:
    fleet = waiting(HEAD + reasons + NO_PREEMPTION)
    seen = fleet.at(0)
    (found,) = seen.incidents
    assert (found.root.cause, found.root.key, found.state) == (cause, "serving/chat-2", FindingState.FIRING)
    assert not words or found.root.words == words
    assert reasons in "\n".join(one.text for one in explain(seen, found.root).evidence)


@pytest.mark.parametrize(
    ("reasons", "cause"),
    [
        ("4 node(s) didn't match Pod's node affinity/selector, 2 Insufficient nvidia.com/gpu.", "no-free-gpu"),
        ("1 Insufficient nvidia.com/gpu, 5 node(s) had untolerated taint {team: search}.", "no-free-gpu"),
        ("5 Insufficient nvidia.com/gpu, 1 node(s) had volume node affinity conflict.", "volume-in-other-zone"),
        ("6 Insufficient memory, 2 Insufficient nvidia.com/gpu.", "node-resources-short"),
        ("2 Insufficient memory, 6 Insufficient nvidia.com/gpu.", "no-free-gpu"),
        ("5 node(s) were unschedulable, 1 node(s) didn't match pod anti-affinity rules.", "anti-affinity"),
    ],
)
def test_of_several_reasons_the_one_of_the_latest_filter_counts(reasons: str, cause: str) -> None:
    assert told(HEAD + reasons + NO_PREEMPTION).root.cause == cause


def test_nothing_is_read_from_what_is_said_of_preemption() -> None:
    message = f"{HEAD}6 Insufficient memory. preemption: 6 node(s) didn't match pod anti-affinity rules."
    assert [one.by.id for one in refusals_in(message)] == ["resource"]
    assert decisive("") is None


def test_a_device_that_is_short_is_no_gpu_where_the_pod_asks_for_none() -> None:
    assert told(f"{HEAD}6 Insufficient nvidia.com/gpu.", gpus=0, gpu_resource="").root.cause == "node-resources-short"


def test_every_reason_of_the_table_has_a_cause() -> None:
    named = {told(HEAD + example).root.cause for example in EXAMPLES.values()}
    assert EXAMPLES.keys() == {refusal.id for refusal in REFUSALS}
    assert "unschedulable" not in named


def test_a_node_that_is_closed_for_its_pressure_is_the_root_of_the_pod_that_it_keeps_out() -> None:
    fleet = waiting(f"{HEAD}6 node(s) had untolerated taint {{node.kubernetes.io/disk-pressure: }}.")
    pressed = Condition("DiskPressure", "True", since=NOW - 300)
    fleet.nodes["n0"] = replace(fleet.nodes["n0"], conditions=(pressed,))
    (found,) = fleet.incidents(0)
    assert (found.root.cause, found.root.key) == ("node-pressure", "n0")
    assert "nodes-closed" in {one.cause for one in found.symptoms}


def test_a_node_in_pressure_is_not_the_root_of_a_pod_that_asks_for_too_much() -> None:
    fleet = waiting(f"{HEAD}6 Insufficient memory.")
    pressed = Condition("DiskPressure", "True", since=NOW - 300)
    fleet.nodes["n0"] = replace(fleet.nodes["n0"], conditions=(pressed,))
    assert {one.root.cause for one in fleet.incidents(0)} == {"node-pressure", "node-resources-short"}


def test_what_its_workload_lacks_does_not_fire_before_the_pod_has_waited_for_long_enough() -> None:
    fleet = waiting(f"{HEAD}6 Insufficient nvidia.com/gpu.", since=NOW)
    (found,) = fleet.incidents(0, 90)
    assert (found.root.cause, found.state) == ("no-free-gpu", FindingState.PENDING)
    assert {one.state for one in found.symptoms} == {FindingState.FIRING}
    (later,) = fleet.incidents(125)
    assert later.state is FindingState.FIRING


def with_unready_node(created: float) -> Fleet:
    fleet = Fleet(3)
    unready = Condition("Ready", "False", "KubeletNotReady", since=NOW - 18)
    fleet.nodes["n9"] = replace(node("n9"), ready="False", created=created, conditions=(unready,))
    return fleet


def test_a_node_that_joins_is_told_of_once_it_takes_long() -> None:
    fleet = with_unready_node(created=NOW - 20)
    (found,) = fleet.incidents(0, 300)
    assert (found.root.cause, found.state) == ("node-never-ready", FindingState.PENDING)
    (still,) = fleet.incidents(600)
    assert still.state is FindingState.FIRING


def test_a_node_that_was_ready_before_is_told_of_at_once() -> None:
    (found,) = with_unready_node(created=NOW - 9000).incidents(0)
    assert (found.root.cause, found.state) == ("node-not-ready", FindingState.FIRING)
