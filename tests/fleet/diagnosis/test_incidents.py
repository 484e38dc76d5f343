"""Related findings form one incident, the root before its consequences; two roots form two."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.diagnosis.incidents.evidence import explain
from fleet.model.coverage import Coverage
from fleet.model.finding import FindingState, Reach
from fleet.model.objects import Condition, Container
from fleet.model.severity import Severity
from fleet.model.snapshot import Health, SourceStatus
from fleet.snapshot.builder import Builder
from tests.fleet.diagnosis.fleets import CHAT, COOL, DEEP, STUCK, WELL, Fleet, Q, causes, crashing, unready
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, pod


def test_of_a_fleet_that_is_well_nothing_is_said() -> None:
    assert Fleet().incidents(0, 60, 600) == ()


def test_a_cause_fires_once_it_has_held_for_as_long_as_it_must() -> None:
    fleet = Fleet()
    fleet.at(0)
    fleet.engines["chat-1"] = STUCK
    (begun,) = fleet.incidents(15)
    assert (begun.root.cause, begun.state, begun.root.due) == ("engine-stuck", FindingState.PENDING, NOW + 75)
    (later,) = fleet.incidents(60)
    assert later.state is FindingState.PENDING
    (fires,) = fleet.incidents(75)
    assert (fires.state, fires.severity, fires.since) == (FindingState.FIRING, Severity.CRITICAL, NOW + 15)
    assert fires.root.told_by == "this console, which saw it begin"


STANDS_STILL = WELL | {Q.LATEST_TOKENS: 0.0}
"""An engine that stands still between the last two scrapes, while its rates over the window still fall."""


def test_an_engine_is_seen_to_hang_before_its_window_is_empty_and_is_critical_from_then_on() -> None:
    fleet = Fleet(4)
    fleet.at(0)
    fleet.engines["chat-1"] = STANDS_STILL
    (seen,) = fleet.incidents(15)
    assert (seen.root.cause, seen.state, seen.severity) == ("engine-stuck", FindingState.PENDING, Severity.WARNING)
    assert seen.root.words == "requests running, no tokens since the last scrape"
    texts = [one.text for one in explain(fleet.at(16), seen.root).evidence]
    assert texts == [
        "tokens read and generated between the last two scrapes: 0 tokens/s",
        "requests in execution batches: 8",
    ]
    fleet.engines["chat-1"] = STUCK | {Q.LATEST_TOKENS: 0.0}
    (later,) = fleet.incidents(60)
    assert (later.severity, later.since) == (Severity.CRITICAL, NOW + 15)
    assert later.root.words == "stuck: requests running, no tokens"
    (fires,) = fleet.incidents(75)
    assert fires.state is FindingState.FIRING


def test_a_request_alone_proves_nothing_until_the_window_is_empty_its_prompt_may_be_long() -> None:
    fleet = Fleet(4)
    fleet.engines["chat-1"] = STANDS_STILL | {Q.RUNNING: 1.0}
    assert fleet.incidents(0, 15, 30) == ()
    fleet.engines["chat-1"] = STUCK | {Q.LATEST_TOKENS: 0.0, Q.RUNNING: 1.0}
    assert causes(fleet.incidents(60)) == ["engine-stuck"]


def test_a_queue_of_which_nothing_is_taken_up_is_seen_between_two_scrapes() -> None:
    fleet = Fleet(4)
    fleet.engines["chat-1"] = STANDS_STILL | {Q.RUNNING: 0.0, Q.WAITING: 6.0}
    (seen,) = fleet.incidents(0)
    assert (seen.root.cause, seen.state) == ("engine-takes-nothing", FindingState.PENDING)


def test_of_what_no_history_is_kept_the_console_says_since_when_it_has_seen_it() -> None:
    fleet = Fleet(2)
    fleet.gpus["chat-0"] = COOL | {Q.XID: 79.0}
    (found,) = fleet.incidents(0)
    assert found.root.told_by == "this console, which found it already so"
    fleet.gpus["chat-1"] = COOL | {Q.XID: 151.0}
    (both,) = fleet.incidents(20)
    values = {one.key: (one.told_by, one.since) for one in both.alike}
    assert values["GPU-chat-1"] == ("this console, which saw it begin", NOW + 20)


def test_it_is_over_once_it_has_not_held_for_long_enough_and_begins_anew_if_it_comes_back() -> None:
    fleet = Fleet()
    fleet.engines["chat-1"] = STUCK
    fleet.incidents(0, 60)
    fleet.engines["chat-1"] = WELL
    (easing,) = fleet.incidents(65)
    assert easing.state is FindingState.RECOVERING
    fleet.engines["chat-1"] = STUCK
    (back,) = fleet.incidents(100)
    assert (back.state, back.since) == (FindingState.FIRING, NOW), "it was not over yet"
    fleet.engines["chat-1"] = WELL
    assert fleet.incidents(110, 200) == ()


def test_what_did_not_hold_for_long_enough_leaves_nothing_behind() -> None:
    fleet = Fleet(1)
    fleet.engines["chat-0"] = DEEP
    fleet.incidents(0, 30)
    fleet.engines["chat-0"] = WELL
    assert fleet.incidents(35) == ()


def test_what_fires_goes_on_until_it_is_below_the_lower_limit() -> None:
    fleet = Fleet(1)
    fleet.engines["chat-0"] = DEEP
    fleet.incidents(0, 60)
    fleet.engines["chat-0"] = WELL | {Q.WAITING: 30.0}
    (on,) = fleet.incidents(70, 200, 400)
    assert on.state is FindingState.FIRING
    fleet.engines["chat-0"] = WELL | {Q.WAITING: 20.0}
    (easing,) = fleet.incidents(410)
    assert easing.state is FindingState.RECOVERING
    assert fleet.incidents(600) == ()


def test_what_numbers_of_the_past_tell_is_believed_before_what_the_console_has_seen() -> None:
    fleet = Fleet()
    strip = {Q.WAITING: {"serving/chat-1": 70.0}}
    fleet.at(0)
    for back in range(1, 9):
        fleet.history.backfill(NOW - 15 * back, strip)
    fleet.engines["chat-1"] = DEEP
    (found,) = fleet.incidents(0)
    assert found.state is FindingState.FIRING
    assert 100 <= NOW - found.since <= 120
    assert found.root.told_by == "the numbers of requests waiting to be scheduled"


def test_a_broken_gpu_is_the_root_of_its_pod_and_of_what_its_workload_lacks() -> None:
    fleet = Fleet()
    fleet.gpus["chat-1"] = COOL | {Q.XID: 79.0}
    fleet.of("chat-1", **crashing(NOW - 300))
    (found,) = fleet.incidents(0)
    assert (found.root.cause, found.root.key, found.about) == ("gpu-lost", "GPU-chat-1", "GPU-chat-1")
    assert {(one.cause, one.key) for one in found.symptoms} == {
        ("crash-loop", "serving/chat-1"),
        ("replicas-lost", CHAT),
    }
    assert found.severity is Severity.CRITICAL


def test_a_node_that_is_silent_is_the_root_of_all_that_is_on_it() -> None:
    fleet = Fleet(4)
    lost = Condition("Ready", "Unknown", since=NOW - 90)
    fleet.nodes["n0"] = replace(fleet.nodes["n0"], ready="Unknown", conditions=(lost,))
    for name in ("chat-0", "chat-1"):
        fleet.of(name, **unready(NOW - 80))
    (found,) = fleet.incidents(0)
    assert (found.root.cause, found.root.key, found.since) == ("kubelet-silent", "n0", NOW - 90)
    assert found.root.told_by == "its condition Ready"
    assert {one.key for one in found.symptoms} == {"serving/chat-0", "serving/chat-1", CHAT}
    assert (found.reach.replicas, found.reach.of) == (2, 4)


@pytest.mark.parametrize(
    ("changed", "cause", "reach"),
    [
        ({"unschedulable": True}, "node-cordoned", 0),
        ({"gpus": {"nvidia.com/gpu": 7}, "gpu_capacity": {"nvidia.com/gpu": 8}}, "gpus-withdrawn", 0),
        ({"ready": "Unknown"}, "kubelet-silent", 2),
    ],
)
def test_what_runs_on_a_node_feels_only_what_keeps_it_from_running(
    changed: dict[str, object], cause: str, reach: int
) -> None:
    fleet = Fleet()
    fleet.nodes["n0"] = replace(fleet.nodes["n0"], **changed)  # type: ignore[arg-type]
    (found,) = fleet.incidents(0)
    assert (found.root.cause, found.reach.replicas) == (cause, reach)


def test_two_roots_are_two_incidents_and_neither_hides_the_other() -> None:
    fleet = Fleet(4)
    fleet.gpus["chat-0"] = COOL | {Q.XID: 79.0}
    fleet.engines["chat-3"] = WELL | {Q.PREEMPTIONS: 2.0}
    found = fleet.incidents(0, 200)
    assert set(causes(found)) == {"gpu-lost", "kv-cache-preempts"}
    assert found[0].severity is Severity.CRITICAL


def test_a_replica_that_is_away_is_the_root_of_the_queue_of_the_others() -> None:
    fleet = Fleet(3)
    fleet.of("chat-0", **crashing(NOW - 300))
    fleet.engines |= {"chat-1": DEEP, "chat-2": DEEP}
    (found,) = fleet.incidents(0, 90)
    assert found.root.cause == "crash-loop"
    assert [one.cause for one in found.symptoms].count("queue-deep") == 2
    assert found.reach.waiting == 140.0


def test_replicas_with_the_same_are_one_incident_about_their_workload() -> None:
    fleet = Fleet(4)
    fleet.engines |= dict.fromkeys(("chat-0", "chat-2", "chat-3"), DEEP)
    (found,) = fleet.incidents(0, 90)
    assert (found.about, len(found.alike), found.key) == (CHAT, 3, f"queue-deep@{CHAT}")
    assert found.reach == Reach(3, 4, 24.0, 210.0, (CHAT,))


@pytest.mark.parametrize(("replicas", "severity"), [(6, Severity.WARNING), (2, Severity.CRITICAL), (1, "critical")])
def test_how_bad_a_replica_that_is_away_is_follows_those_that_are_left(replicas: int, severity: Severity) -> None:
    fleet = Fleet(replicas)
    fleet.of("chat-0", **crashing(NOW - 300))
    (found,) = fleet.incidents(0, 90)
    assert (found.root.cause, found.severity) == ("crash-loop", severity)


def test_a_queue_is_worse_the_longer_it_is() -> None:
    fleet = Fleet(2)
    fleet.engines["chat-0"] = WELL | {Q.WAITING: 400.0}
    (found,) = fleet.incidents(0, 90)
    assert found.severity is Severity.CRITICAL


def test_a_rollout_that_waits_for_a_gpu_is_stuck_for_that() -> None:
    fleet = Fleet(3)
    message = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    waits = Condition("PodScheduled", "False", "Unschedulable", message, since=NOW - 700)
    fleet.of("chat-2", ready=False, phase="Pending", status="Pending", node="", conditions=(waits,))
    fleet.workload = {"conditions": (Condition("Progressing", "False", "ProgressDeadlineExceeded", since=NOW - 60),)}
    (found,) = fleet.incidents(0)
    assert (found.root.cause, found.since) == ("no-free-gpu", NOW - 700)
    assert "rollout-stuck" in [one.cause for one in found.symptoms]


def test_a_pod_that_loads_or_leaves_is_no_incident() -> None:
    fleet = Fleet(3)
    fleet.of("chat-0", ready=False, deleted=NOW)
    fleet.of("chat-1", ready=False, phase="Pending", status="ContainerCreating", created=NOW)
    assert [one.root.cause for one in fleet.incidents(0, 30)] == []


def test_while_nothing_is_said_differently_the_incidents_are_the_same_objects() -> None:
    fleet = Fleet()
    fleet.engines["chat-1"] = STUCK
    fleet.at(0)
    first = fleet.at(61)
    second = fleet.at(63)
    assert second.incidents is first.incidents
    assert first.incidents


def test_a_broken_gpu_does_not_explain_the_replica_beside_it() -> None:
    fleet = Fleet(4)
    fleet.gpus["chat-0"] = COOL | {Q.XID: 79.0}
    fleet.engines["chat-3"] = STUCK
    assert {one.root.cause: one.root.key for one in fleet.incidents(0, 70)} == {
        "gpu-lost": "GPU-chat-0",
        "engine-stuck": "serving/chat-3",
    }


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (79, "gpu-lost"),
        (48, "gpu-memory-broken"),
        (64, "gpu-memory-broken"),
        (74, "gpu-link-broken"),
        (119, "gpu-hardware-xid"),
    ],
)
def test_the_driver_s_code_tells_what_of_a_gpu_is_broken(code: int, cause: str) -> None:
    fleet = Fleet(3)
    fleet.gpus["chat-1"] = COOL | {Q.XID: float(code)}
    (found,) = fleet.incidents(0)
    assert (found.root.cause, found.severity, found.root.words) == (cause, Severity.CRITICAL, f"XID {code}")


def test_an_old_error_of_a_program_does_not_pass_for_why_an_engine_hangs() -> None:
    fleet = Fleet(3)
    fleet.gpus["chat-1"] = COOL | {Q.XID: 31.0}
    fleet.engines["chat-1"] = STUCK
    worst, other = fleet.incidents(0, 70)
    assert (worst.root.cause, worst.severity, worst.about) == ("engine-stuck", Severity.CRITICAL, "serving/chat-1")
    assert other.root.cause == "gpu-application-xid"


@pytest.mark.parametrize("code", [31, 43, 45, 63, 94])
def test_a_code_that_says_nothing_of_the_hardware_is_no_incident_of_a_fleet_that_is_well(code: int) -> None:
    fleet = Fleet(3)
    fleet.gpus["chat-1"] = COOL | {Q.XID: float(code)}
    assert fleet.incidents(0, 600) == ()


@pytest.mark.parametrize(
    ("reasons", "cause"),
    [
        (("power brake",), "gpu-power-brake"),
        (("hardware slowdown",), "gpu-throttled-by-hardware"),
        (("thermal (software)", "power cap"), "gpu-throttled-by-heat"),
    ],
)
def test_what_lowers_the_clocks_is_told_apart_and_fires_when_it_lasts(reasons: tuple[str, ...], cause: str) -> None:
    fleet = Fleet(3)
    fleet.reasons["GPU-chat-1"] = reasons
    assert fleet.incidents(0)[0].state is FindingState.PENDING
    (found,) = fleet.incidents(130)
    assert (found.root.cause, found.state) == (cause, FindingState.FIRING)


def test_the_power_cap_of_a_gpu_that_is_fully_loaded_is_nothing() -> None:
    fleet = Fleet(3)
    fleet.reasons["GPU-chat-1"] = ("power cap",)
    fleet.gpus["chat-1"] = COOL | {Q.THROTTLE: 0.8}
    assert fleet.incidents(0, 600) == ()


def down(name: str) -> SourceStatus:
    return SourceStatus(name, Health.DOWN, since=NOW - 30, problem="connection refused")


def test_a_source_that_does_not_answer_is_the_root_of_the_silence_of_what_it_measures() -> None:
    fleet = Fleet(3)
    fleet.sources = [LIVE, down("prometheus")]
    for name in ("chat-0", "chat-1"):
        fleet.engines.pop(name)
    assert fleet.incidents(0)[0].state is FindingState.PENDING
    (found,) = fleet.incidents(40)
    assert (found.root.cause, found.about, found.severity) == ("metrics-source-down", "prometheus", Severity.UNKNOWN)
    assert (found.root.words, found.root.told_by) == ("connection refused", "the source itself")
    assert {"serving/chat-0", "serving/chat-1", CHAT} <= {one.key for one in found.symptoms}


def test_one_that_does_not_measure_explains_no_silence() -> None:
    fleet = Fleet(3)
    fleet.sources = [LIVE, down("alertmanager")]
    fleet.engines.pop("chat-0")
    assert sorted(causes(fleet.incidents(0, 70))) == ["no-metrics", "source-down"]


def test_a_source_that_answers_again_is_over() -> None:
    fleet = Fleet(3)
    fleet.sources = [LIVE, down("prometheus")]
    assert fleet.incidents(0, 40)
    fleet.sources = [LIVE]
    assert fleet.incidents(50) == ()


def test_while_the_first_list_is_still_coming_nothing_is_wrong() -> None:
    state = replace(kube([], deployment(desired=4, ready=4)), coverage=Coverage(pending=frozenset({"pods"})))
    assert [one.state for one in Builder().build(state, None, [LIVE], NOW).incidents] == [FindingState.PENDING]
    builder = Builder()
    builder.build(state, None, [LIVE], NOW)
    listed = kube([pod("chat-0")], deployment(desired=1, ready=1))
    assert builder.build(listed, measurement({engine("chat-0"): WELL}), [LIVE], NOW + 5).incidents == ()


def test_a_container_killed_for_its_memory_is_called_so_while_it_waits_to_be_started_again() -> None:
    fleet = Fleet(1)
    killed = Container("vllm", "vllm:1", restarts=4, reason="CrashLoopBackOff", last_reason="OOMKilled")
    fleet.of("chat-0", **crashing(NOW - 300) | {"containers": (killed,)})
    (found,) = fleet.incidents(0)
    assert (found.root.cause, found.root.words) == ("out-of-memory", "OOMKilled, CrashLoopBackOff")
    fleet.of("chat-0", **unready(NOW - 300, restarts=5, containers=(replace(killed, reason=""),)))
    (again,) = fleet.incidents(10)
    assert again.key == found.key, "started again it is the same trouble"


def test_of_several_that_die_of_one_thing_those_just_started_again_are_in_the_same_incident() -> None:
    fleet = Fleet(3)
    fleet.of("chat-0", **crashing(NOW - 300))
    fleet.of("chat-1", **unready(NOW - 300, restarts=4, containers=(Container("vllm", "vllm:1", restarts=4),)))
    (found,) = fleet.incidents(0, 90)
    assert found.root.cause == "crash-loop"
    assert "restarts-and-not-ready" in {one.cause for one in found.symptoms}


def test_replicas_that_a_rollout_adds_count_among_those_of_the_workload() -> None:
    fleet = Fleet(5)
    fleet.workload = {"desired": 3}
    fleet.of("chat-3", "chat-4", **crashing(NOW - 300))
    (found,) = fleet.incidents(0, 90)
    assert (found.reach.replicas, found.reach.of) == (2, 5), "the three that are wanted serve"


def test_a_broken_gpu_is_red_at_the_gpu_the_pod_the_workload_and_in_the_incident() -> None:
    fleet = Fleet(replicas=5)
    fleet.gpus["chat-0"] = COOL | {Q.XID: 79.0}
    seen = fleet.at(0)
    stands = [seen.assessments[key].severity for key in ("GPU-chat-0", "serving/chat-0", CHAT)]
    assert stands == [Severity.CRITICAL] * 3
    assert [one.severity for one in seen.incidents] == [Severity.CRITICAL]


def test_one_replica_of_many_that_crashes_is_amber_everywhere_but_in_its_own_row() -> None:
    fleet = Fleet(replicas=5)
    fleet.of("chat-0", **crashing(NOW - 300))
    seen = fleet.at(0)
    assert seen.assessments[CHAT].severity is Severity.WARNING
    assert [one.severity for one in seen.incidents] == [Severity.WARNING]
