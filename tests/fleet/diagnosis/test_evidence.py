"""Evidence for the name of a finding: the numbers, the excluded causes with their reasons, and unknowable facts."""

from __future__ import annotations

from typing import Any

from fleet.diagnosis.incidents.evidence import Explanation, explain
from fleet.model.objects import Condition, Container
from tests.fleet.diagnosis.fleets import COOL, STUCK, WELL, Fleet, Q, crashing
from tests.fleet.rows import NOW


def explained(fleet: Fleet, seconds: float = 0) -> Explanation:
    snapshot = fleet.at(seconds)
    return explain(snapshot, snapshot.incidents[0].root)


def stuck() -> Fleet:
    fleet = Fleet()
    fleet.engines["chat-1"] = STUCK
    return fleet


def test_the_evidence_is_numbers_with_their_source_window_and_age() -> None:
    seen = {one.text: one for one in explained(stuck()).evidence}
    assert "tokens generated: 0 tokens/s" in seen
    assert "requests in execution batches: 8" in seen
    rate = seen["tokens generated: 0 tokens/s"]
    assert (rate.source, rate.window, rate.age) == ("scrape", 60.0, 0.0)
    assert seen["requests in execution batches: 8"].window == 0.0


def test_what_looks_alike_is_ruled_out_by_a_number_of_the_gpu_or_the_node() -> None:
    out = {one.cause: one.by for one in explained(stuck()).ruled_out}
    assert out["gpu-hardware-xid"] == "last XID code: 0"
    assert out["node-not-ready"] == "Ready is True"
    assert "gpu-throttled-by-hardware" not in out


def test_what_is_not_measured_is_not_ruled_out() -> None:
    fleet = stuck()
    fleet.gpus["chat-1"] = {Q.GPU_TEMPERATURE: 60.0}
    explanation = explained(fleet)
    open_ = {one.cause: one.by for one in explanation.open}
    assert open_["gpu-hardware-xid"] == "unknown: last_xid"
    assert open_["gpu-throttled-by-hardware"] == "unknown: throttle reasons"
    assert "gpu-hardware-xid" not in {one.cause for one in explanation.ruled_out}


def test_what_holds_as_well_is_neither() -> None:
    fleet = Fleet()
    fleet.engines["chat-1"] = WELL | {Q.PREEMPTIONS: 2.0}
    fleet.gpus["chat-1"] = COOL | {Q.GPU_TEMPERATURE: 95.0, Q.THROTTLE: 0.5}
    snapshot = fleet.at(0)
    preempts = next(f for i in snapshot.incidents for f in i.findings if f.cause == "kv-cache-preempts")
    explanation = explain(snapshot, preempts)
    assert "gpu-throttled-by-heat" not in {one.cause for one in (*explanation.ruled_out, *explanation.open)}


def test_what_the_scheduler_says_is_evidence() -> None:
    fleet = Fleet()
    message = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    waits = Condition("PodScheduled", "False", "Unschedulable", message, since=NOW - 700)
    fleet.of("chat-2", ready=False, phase="Pending", status="Pending", node="", conditions=(waits,))
    explanation = explained(fleet)
    assert any(message in one.text and one.source == "kubernetes" for one in explanation.evidence)


def test_it_says_what_helps_what_would_decide_and_what_not_to_do() -> None:
    explanation = explained(stuck())
    assert [one.command for one in explanation.helps] == ["logs", "restart"]
    assert explanation.decides
    assert any("/health" in one for one in explanation.avoid)


def test_of_an_object_that_is_gone_only_what_helps_is_left() -> None:
    fleet = stuck()
    finding = fleet.at(0).incidents[0].root
    fleet.pods.pop("chat-1"), fleet.engines.pop("chat-1"), fleet.gpus.pop("chat-1")
    explanation = explain(fleet.at(5), finding)
    assert (explanation.evidence, explanation.ruled_out) == ((), ())
    assert explanation.helps


def test_what_lowers_the_clocks_rules_out_what_it_is_not_and_is_no_number_of_others() -> None:
    fleet = stuck()
    fleet.reasons = {"GPU-chat-1": ("power cap",)}
    out = {one.cause: one.by for one in explained(fleet).ruled_out}
    assert out["gpu-throttled-by-hardware"] == "its clocks are lowered by: power cap"
    assert out["gpu-lost"] == out["gpu-memory-broken"] == "last XID code: 0"


def test_a_death_by_memory_is_ruled_out_by_how_the_container_ended_last() -> None:
    fleet = Fleet(1)
    died = Container("vllm", "vllm:1", restarts=4, reason="CrashLoopBackOff", last_reason="Error")
    fleet.of("chat-0", **crashing(NOW - 300) | {"containers": (died,)})
    assert {one.cause: one.by for one in explained(fleet).ruled_out}["out-of-memory"] == "Error"


def stuck_rollout(**newest: Any) -> Fleet:
    fleet = Fleet(3)
    fleet.workload = {"conditions": (Condition("Progressing", "False", "ProgressDeadlineExceeded", since=NOW - 60),)}
    if newest:
        fleet.of("chat-2", **newest)
    return fleet


def test_a_stuck_rollout_is_told_from_what_looks_alike_by_its_pods() -> None:
    explanation = explained(stuck_rollout())
    assert explanation.open == ()
    assert {one.cause: one.by for one in explanation.ruled_out} == {
        "no-free-gpu": "not true: it is pending, on all 3",
        "image-not-pulled": "not true: it is not running, on all 3",
        "crash-loop": "not true: it is not running, on all 3",
    }


def test_what_must_not_hold_and_does_rules_out() -> None:
    died = Container("vllm", "vllm:1", restarts=4, reason="CrashLoopBackOff", last_reason="OOMKilled")
    snapshot = stuck_rollout(**crashing(NOW - 300) | {"containers": (died,)}).at(0)
    stands = next(f for i in snapshot.incidents for f in i.findings if f.cause == "rollout-stuck")
    out = {one.cause: one.by for one in explain(snapshot, stands).ruled_out}
    assert "a container was OOM-killed: OOMKilled" in out["crash-loop"]


def test_what_rules_out_a_cause_of_many_objects_is_told_of_the_first() -> None:
    fleet = stuck_rollout()
    for name, reason in (("chat-1", "OOMKilled"), ("chat-2", "ContainerCannotRun")):
        died = Container("vllm", "vllm:1", restarts=4, reason="CrashLoopBackOff", last_reason=reason)
        fleet.of(name, **crashing(NOW - 300) | {"containers": (died,)})
    snapshot = fleet.at(0)
    stands = next(f for i in snapshot.incidents for f in i.findings if f.cause == "rollout-stuck")
    out = {one.cause: one.by for one in explain(snapshot, stands).ruled_out}
    assert out["crash-loop"] == "not true: it is not running; the other 2 rule it out too"
