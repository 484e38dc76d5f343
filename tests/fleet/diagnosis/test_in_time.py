"""Pods that only time tells of, clocks, GPUs that are withdrawn, waits that are not for room, ordered shutdowns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.diagnosis.incidents.evidence import explain
from fleet.model.finding import FindingState
from fleet.model.objects import Condition, Container
from fleet.model.severity import Severity
from fleet.snapshot.builder import Builder
from tests.fleet.diagnosis.fleets import COOL, WELL, Fleet, Q, causes, unready
from tests.fleet.rows import LIVE, NOW, deployment, kube, node, pod


def test_a_pod_that_does_not_go_is_told_when_its_grace_is_over_and_fires_once_it_is_so_for_long() -> None:
    fleet = Fleet()
    fleet.of("chat-2", deleted=NOW + 30)
    assert "pod-stuck-terminating" not in causes(fleet.incidents(0, 40, 58))
    (late,) = [one for one in fleet.incidents(65) if one.root.cause == "pod-stuck-terminating"]
    assert (late.state, late.since, late.root.due) == (FindingState.PENDING, NOW + 30, NOW + 330)
    fleet.at(200)
    snapshot = fleet.at(400)
    (found,) = [one for one in snapshot.incidents if one.root.cause == "pod-stuck-terminating"]
    assert (found.about, found.root.words) == ("serving/chat-2", "terminating for 6 min beyond its grace period")
    assert found.state is FindingState.FIRING
    assert explain(snapshot, found.root).evidence[0].text == "its grace period is over: for 370 s"


def test_how_long_a_pod_is_overdue_is_told_as_time_goes_on() -> None:
    fleet = Fleet()
    fleet.of("chat-2", deleted=NOW)
    words = [fleet.incidents(seconds)[0].root.words for seconds in (400, 405, 700)]
    assert words == [f"terminating for {minutes} min beyond its grace period" for minutes in (7, 7, 12)]


@pytest.mark.parametrize("status", ["ContainerCreating", "PodInitializing", "Init:0/1", "Pending"])
def test_containers_that_are_not_created_for_long_are_told_without_an_event(status: str) -> None:
    fleet = Fleet()
    fleet.of("chat-2", **unready(NOW, phase="Pending", status=status, created=NOW))
    assert causes(fleet.incidents(0, 30)) == []
    (late,) = fleet.incidents(65)
    assert (late.root.cause, late.state, late.since) == ("containers-created-late", FindingState.PENDING, NOW)
    (fires,) = fleet.incidents(300)
    assert (fires.state, fires.root.words) == (FindingState.FIRING, f"{status} for 5 min")


def test_an_init_container_that_fetches_weights_has_as_long_as_an_engine_that_loads_them() -> None:
    fleet = Fleet()
    fetch = Container("fetch", "alpine:3", state="running", started=True, init=True)
    fleet.of("chat-2", **unready(NOW, phase="Pending", status="Init:0/1", created=NOW, containers=(fetch,)))
    assert causes(fleet.incidents(0, 400, 1_100)) == []
    assert causes(fleet.incidents(1_210)) == ["containers-created-late"]


def test_a_pod_that_no_scheduler_looks_at_is_told_and_one_that_waits_for_room_is_another() -> None:
    fleet = Fleet()
    fleet.of("chat-2", ready=False, phase="Pending", status="Pending", node="", created=NOW)
    assert causes(fleet.incidents(0, 10)) == []
    (late,) = fleet.incidents(20)
    assert (late.root.cause, late.state) == ("not-scheduled", FindingState.PENDING)
    message = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    waits = Condition("PodScheduled", "False", "Unschedulable", message, since=NOW + 30)
    fleet.of("chat-2", ready=False, phase="Pending", status="Pending", node="", created=NOW, conditions=(waits,))
    assert causes(fleet.incidents(40)) == ["no-free-gpu"]


def test_an_engine_that_loads_for_long_is_told_and_one_that_loads_is_not() -> None:
    fleet = Fleet()
    fleet.of("chat-2", **unready(NOW - 600, containers=(Container("vllm", "vllm:1"),)))
    assert fleet.incidents(0) == ()
    assert "loading-takes-long" in causes(fleet.incidents(700))


@pytest.mark.parametrize(
    ("allocatable", "seconds", "cause"), [(7, 130, "gpus-withdrawn"), (0, 910, "no-gpu-allocatable")]
)
def test_gpus_that_the_device_plugin_withdraws_are_told_of_their_node(
    allocatable: int, seconds: float, cause: str
) -> None:
    fleet = Fleet()
    fleet.nodes["n1"] = node("n1", allocatable, gpu_capacity={"nvidia.com/gpu": 8})
    (found,) = fleet.incidents(0, seconds)
    assert (found.root.cause, found.about, found.state) == (cause, "n1", FindingState.FIRING)
    fleet.gpus["chat-2"] = COOL | {Q.XID: 79.0}
    (found,) = fleet.incidents(seconds + 20)
    assert found.root.cause == "gpu-lost"
    assert cause in [one.cause for one in found.symptoms]


def test_requests_that_do_not_wait_for_room_are_no_queue() -> None:
    fleet = Fleet()
    deferred = {Q.WAITING: 80.0, Q.WAITING_CAPACITY: 0.0, Q.WAITING_DEFERRED: 80.0, Q.KV_USAGE: 0.97}
    fleet.engines = dict.fromkeys(fleet.pods, WELL | deferred)
    assert fleet.incidents(0, 60, 240) == ()
    fleet.engines = dict.fromkeys(fleet.pods, WELL | deferred | {Q.WAITING_CAPACITY: 80.0})
    assert causes(fleet.incidents(300)) == ["kv-cache-full"]


@pytest.mark.parametrize(
    ("status", "cause"),
    [("NodeShutdown", "node-shut-down"), ("OutOfcpu", "refused-by-node"), ("NodeAffinity", "refused-by-node")],
)
def test_what_the_kubelet_ends_or_refuses_is_no_error_of_a_container(status: str, cause: str) -> None:
    fleet = Fleet()
    fleet.of("chat-2", **unready(NOW, status=status, phase="Failed"))
    del fleet.engines["chat-2"]
    assert causes(fleet.incidents(0)) == [cause]


def test_many_replicas_that_load_while_requests_wait_are_one_incident() -> None:
    fleet = Fleet(6)
    loading = unready(NOW, containers=(Container("vllm", "vllm:1"),))
    for name in ("chat-0", "chat-1", "chat-2", "chat-3"):
        fleet.of(name, **loading)
        del fleet.engines[name]
    fleet.engines |= dict.fromkeys(("chat-4", "chat-5"), WELL | {Q.WAITING: 40.0})
    (found,) = fleet.incidents(0, 70)
    assert (found.root.cause, found.state) == ("cold-start-storm", FindingState.FIRING)


def test_a_clock_that_is_elsewhere_is_told_of_whoever_measures() -> None:
    fleet = Fleet()
    fleet.sources = [*fleet.sources, replace(fleet.sources[0], name="scrape")]
    fleet.skew = 42.0
    (found,) = fleet.incidents(0, 610)
    assert (found.root.cause, found.about, found.severity) == ("clock-skew", "scrape", Severity.CRITICAL)
    assert found.root.words == "clock 42 s ahead"


def test_a_pod_becomes_overdue_where_nothing_else_is_new_and_nothing_is_measured() -> None:
    builder = Builder()
    row = pod("chat-1", "chat", **unready(NOW, containers=(Container("vllm", "vllm:1"),)))
    state = kube([row], deployment("chat"))
    looks = [builder.build(state, None, [LIVE], NOW + seconds) for seconds in (0, 30, 1_300, 1_310)]
    assert looks[0].pods is looks[1].pods
    assert "loading-takes-long" not in causes(looks[1].incidents)
    assert "loading-takes-long" in causes(looks[-1].incidents)
