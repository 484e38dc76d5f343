"""Workloads that differ from before: their traffic, the reasons for lost pods, Services that select nothing."""

from __future__ import annotations

import random
from array import array
from dataclasses import replace
from math import nan

import pytest

from fleet.diagnosis.causes.slowness import OF_SLOWNESS
from fleet.diagnosis.causes.traffic import OF_TRAFFIC
from fleet.diagnosis.incidents.evidence import explain
from fleet.diagnosis.subjects.serving import TrafficSubject, revised, traffic_subject, unusual
from fleet.model.before import Traffic
from fleet.model.finding import FindingState
from fleet.model.frame import Column, Frame
from fleet.model.objects import Condition, Container, Event, ObjectRef, Service, Serving
from fleet.model.reading import State
from fleet.snapshot.builder import Builder
from fleet.snapshot.usual_traffic import CHANGED, STEP, UsualTraffic
from tests.fleet.diagnosis.fleets import CHAT, COOL, WELL, Fleet, Q, causes
from tests.fleet.recorder.fleet import fleet as cluster
from tests.fleet.rows import LIVE, NOW, engine, measurement

USUAL = Traffic(prompt=600.0, prefix_hits=0.5, itl=0.03, accepted=0.7)
SEEN = TrafficSubject(
    USUAL, USUAL, 900.0, preemptions=0.0, kv_usage=0.4, for_room=0.0, drafted=0.0, waiting=(), step=15.0, ready=3
)
NO_GPU = Condition("PodScheduled", "False", "Unschedulable", "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.")


def _frame(hits: float) -> Frame:
    rates = {Q.PREFIX_HIT_RATIO: hits, Q.PROMPT_TOKENS: 1200.0, Q.REQUESTS: 2.0}
    columns = {quantity: Column(array("d", [value])) for quantity, value in rates.items()}
    return Frame.of((CHAT,), columns, array("d", [0.0]), bytes([State.FRESH]))


def test_usual_is_what_was_for_a_minute_and_what_goes_wrong_does_not_become_it() -> None:
    usual, now = UsualTraffic(), NOW
    for at in range(CHANGED + 8):
        now += STEP
        found = usual.at(_frame(0.4 if at < 5 else 0.05), now)
        if at == 2:
            assert found[CHAT] == pytest.approx(Traffic(), nan_ok=True)
        if at in (5, 100):
            assert found[CHAT] == pytest.approx(Traffic(600.0, 0.4, nan), nan_ok=True)
    assert found[CHAT].prefix_hits == 0.05, "users have changed their ways"


LONG, FELL, SLOW = (
    USUAL._replace(**one) for one in ({"prompt": 1500, "itl": 0.06}, {"prefix_hits": 0.1}, {"itl": 0.05})
)
BUSY = SLOW._replace(running=12.0)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (SEEN, []),
        (SEEN._replace(now=LONG), ["long-prompts"]),
        (SEEN._replace(now=LONG, revised=900.0), ["long-prompts"]),
        (SEEN._replace(now=LONG._replace(itl=0.035)), []),
        (SEEN._replace(now=LONG, preemptions=0.5), []),
        (SEEN._replace(now=LONG, usual=Traffic()), []),
        (SEEN._replace(now=SLOW, revised=900.0), ["slow-after-rollout"]),
        (SEEN._replace(now=SLOW), []),
        (SEEN._replace(now=BUSY, usual=BUSY._replace(itl=0.03), wanted=3, measured=3), ["slower-than-usual"]),
        (SEEN._replace(now=BUSY, usual=BUSY._replace(itl=0.03, running=6.0)), []),
        (SEEN._replace(now=BUSY, usual=BUSY._replace(itl=0.03), wanted=3, measured=2), []),
        (SEEN._replace(now=FELL), ["prefix-cache-collapse"]),
        (SEEN._replace(now=FELL, looked_up=20.0), []),
        (SEEN._replace(now=FELL, kv_usage=0.97), []),
        (SEEN._replace(now=USUAL._replace(accepted=0.3), drafted=40.0), ["speculation-collapse"]),
        (SEEN._replace(now=USUAL._replace(accepted=0.3)), []),
        (SEEN._replace(asked=8.0, rejected=0.004), ["requests-turned-away"]),
        (SEEN._replace(asked=0.2, rejected=0.5), []),
    ],
)
def test_traffic_that_is_otherwise_than_usual(seen: TrafficSubject, expected: list[str]) -> None:
    holding = [
        one
        for one in (*OF_TRAFFIC, *OF_SLOWNESS)
        if all(sign.holds(seen) for sign in one.must) and not one.excluded(seen)
    ]
    assert [one.id for one in holding] == expected
    assert all(
        shown.text for one in holding for sign in (*one.must, *one.keeps_firing) for shown in sign.observations(seen)
    )


@pytest.mark.parametrize(("late", "moves"), [(1, True), (8, True), (14, True), (1, False)])
def test_what_leaves_the_usual_is_shown_while_its_window_fills_up_and_fires_if_it_gets_there(
    late: int, *, moves: bool
) -> None:
    """Numbers of a minute's window go from the old level to the new one in a straight line; a scrape every 15 s."""
    fleet, shown = Fleet(), list[float]()
    for number in range(-8, 80):
        since = 15.0 * number + late
        share = min(1.0, max(0.0, since / 60))
        # What comes half-way and stays there is not a collapse.
        hits = 0.41 - (0.4 if moves else 0.18) * share
        fleet.engines = dict.fromkeys(fleet.pods, WELL | {Q.PREFIX_HITS: 500 * hits, Q.PREFIX_QUERIES: 500.0})
        snapshot = fleet.at(15.0 * number)
        if snapshot.incidents:
            assert causes(snapshot.incidents) == ["prefix-cache-collapse"]
            shown.append(since)
    if moves:
        assert shown[0] <= 35
        assert snapshot.incidents[0].state is FindingState.FIRING
    else:
        assert all(one <= 60 for one in shown)
        assert not snapshot.incidents


def test_a_queue_that_grows_is_told_before_it_is_deep_and_one_that_stands_is_not() -> None:
    for step, lines in ((4.0, ["queue-grows"]), (0.0, [])):
        fleet = Fleet()
        for number in range(9):
            fleet.engines = dict.fromkeys(fleet.pods, WELL | {Q.WAITING: 5.0 + step * number})
            snapshot = fleet.at(15.0 * number)
        assert causes(snapshot.incidents) == lines
    fleet = Fleet()
    for number in range(9):
        fleet.engines = dict.fromkeys(fleet.pods, WELL | {Q.WAITING: 5.0 + 4 * number})
        snapshot = fleet.at(15.0 * number)
    (found,) = snapshot.incidents
    assert (found.about, found.state) == (CHAT, FindingState.FIRING)
    assert "0.80 requests/s over 60 s, 111 waiting" in explain(snapshot, found.root).evidence[0].text


def _without_a_gpu(fleet: Fleet, gone: str) -> None:
    del fleet.pods[gone]
    del fleet.engines[gone]
    fleet.pods["chat-new"] = {
        "phase": "Pending",
        "status": "Pending",
        "ready": False,
        "node": "",
        "created": NOW + 20,
        "conditions": (NO_GPU,),
    }
    fleet.gpus["chat-new"] = COOL


def test_what_waits_for_a_gpu_since_its_node_was_removed_follows_from_that() -> None:
    fleet = Fleet()
    fleet.at(0)
    del fleet.nodes["n1"]
    _without_a_gpu(fleet, "chat-2")
    (found,) = (snapshot := fleet.at(30)).incidents
    assert (found.root.cause, found.about, found.state) == ("node-removed", CHAT, FindingState.PENDING)
    assert found.root.words == "node n1 removed, 1 replica missing"
    assert "no-free-gpu" in [one.cause for one in found.symptoms]
    assert explain(snapshot, found.root).evidence[1].text == "the node they were on is gone: node n1"
    assert fleet.incidents(160)[0].state is FindingState.FIRING
    fleet.of("chat-new", node="n0")
    fleet.engines["chat-new"] = WELL
    assert fleet.incidents(170, 240, 300) == ()


def test_a_console_that_comes_later_is_told_of_the_node_by_its_event() -> None:
    fleet = Fleet()
    del fleet.nodes["n1"]
    _without_a_gpu(fleet, "chat-2")
    fleet.events = [
        Event("default", "n1.1", "e1", "1", ObjectRef("Node", "", "n1"), "", "Normal", "RemovingNode", "", 1, NOW + 10)
    ]
    assert causes(fleet.incidents(30)) == ["node-removed"]


def test_a_pod_put_out_for_one_of_higher_priority_is_why_its_successor_waits() -> None:
    fleet = Fleet()
    evicted = Condition(
        "DisruptionTarget", "True", "PreemptionByScheduler", "preempting to accommodate a higher priority"
    )
    fleet.of("chat-2", conditions=(evicted,), deleted=NOW + 30)
    fleet.at(0)
    _without_a_gpu(fleet, "chat-2")
    (found,) = fleet.incidents(40)
    assert (found.root.cause, found.about) == ("preempted-by-priority", CHAT)
    assert "no-free-gpu" in [one.cause for one in found.symptoms]


@pytest.mark.parametrize("name", ["chat", "front-door"])
def test_a_service_that_selects_nobody_is_told_at_the_workload_that_it_is_for(name: str) -> None:
    fleet = Fleet()
    fleet.of(*fleet.pods, labels={"app": "chat"})
    service = Service("serving", name, "uid-s", "1", "ClusterIP", {"app": "chat"}, (("http", 80),))
    fleet.services = [service]
    assert fleet.incidents(0) == ()
    fleet.services = [replace(service, selector={"app": "chat-v2"})]
    (found,) = (snapshot := fleet.at(70)).incidents
    assert (found.root.cause, found.about) == ("service-selects-nothing", CHAT)
    assert found.root.words == f"Service {name} selects no pod"
    assert fleet.incidents(140)[0].state is FindingState.FIRING
    assert explain(snapshot, found.root).evidence[1].source == "kubernetes"
    fleet.services = [service]
    assert fleet.incidents(150, 260) == ()


@pytest.mark.parametrize(
    ("target", "more", "dead"),
    [
        ("http", (), False),
        ("8000", (), False),
        ("htpp", (), True),
        ("9999", (), True),
        # A proxy beside the engine need not declare where it listens.
        ("9999", (Container("proxy", "proxy:1"),), False),
        ("htpp", (Container("proxy", "proxy:1"),), True),
    ],
)
def test_a_service_that_leads_to_no_port_of_its_pods_is_told(
    target: str, more: tuple[Container, ...], dead: bool
) -> None:
    fleet = Fleet()
    serves = Container("vllm", "vllm:1", ready=True, started=True, state="running", ports=(("http", 8000),))
    labels = {"app": "chat"}
    serving = Serving("vLLM", "vllm", (8000,))
    fleet.of(*fleet.pods, labels=labels, containers=(serves, *more), serving=serving)
    service = Service("serving", "chat", "uid-s", "1", "ClusterIP", labels, (("http", 80),), targets=(target,))
    fleet.services = [service]
    found = fleet.incidents(0, 70)
    assert [(one.root.cause, one.about, one.root.words) for one in found] == (
        [("service-port-wrong", CHAT, f"Service chat → port {target} of no pod")] if dead else []
    )


def test_pods_of_two_revisions_tell_since_when_the_newer_is_there() -> None:
    fleet = Fleet(4)
    for at, name in enumerate(fleet.pods):
        newer = at > 1
        fleet.of(name, created=NOW - (300 if newer else 7000), labels={"pod-template-hash": "b" if newer else "a"})
    snapshot = fleet.at(60)
    seen = traffic_subject(snapshot, CHAT)
    assert seen is not None
    assert seen.revised != seen.revised, "its tokens come as usual"
    assert revised(snapshot, CHAT) == 360
    assert seen.rejected != seen.rejected, "there is no gateway"


def test_of_workloads_that_are_skipped_no_cause_of_traffic_holds() -> None:
    rng, builder, state = random.Random(3), Builder(), cluster(120)
    queues = dict.fromkeys(state.pods, 0.0)
    skipped_with_queue = held = 0
    for step in range(12):
        numbers = {}
        for pod in state.pods.values():
            queues[pod.key] = max(0.0, queues[pod.key] + rng.uniform(-4.0, 30.0)) if pod.name.endswith("3") else 0.0
            numbers[engine(pod.name)] = WELL | {
                Q.WAITING: queues[pod.key],
                Q.REQUESTS: rng.uniform(1.0, 3.0),
                Q.PREFIX_HIT_RATIO: rng.uniform(0.1, 0.7),
                Q.PREFIX_QUERIES: 500.0,
            }
        now = NOW + step * STEP
        snapshot = builder.build(state, measurement(numbers, at=now), [LIVE], now)
        looked_at = {key for key, _ in unusual(snapshot)}
        for key in snapshot.workloads:
            seen = traffic_subject(snapshot, key)
            holds = seen is not None and any(cause.holds(seen) for cause in OF_TRAFFIC)
            held += holds
            assert key in looked_at or not holds
            skipped_with_queue += key not in looked_at and snapshot.by_workload.value(key, Q.WAITING) > 0
    assert held
    assert skipped_with_queue


def test_a_gpu_that_is_slower_than_the_others_of_its_engine_is_why_its_replica_is() -> None:
    fleet = Fleet(5)
    fleet.engines["chat-2"] = WELL | {Q.GENERATION_TOKENS: 200.0}
    fast = COOL | {Q.SM_CLOCK: 1980.0, Q.GPU_UTIL: 0.9}
    fleet.gpus = dict.fromkeys(fleet.pods, fast)
    fleet.more_gpus = {"chat-2": fast | {Q.SM_CLOCK: 990.0}}
    (found,) = (snapshot := [fleet.at(0), fleet.at(610)][-1]).incidents
    assert (found.root.cause, found.root.key) == ("gpu-lags", "GPU-chat-2-more")
    assert "replica-slow" in [one.cause for one in found.symptoms]
    assert "SM clock 990 MHz, 1980 MHz is the fastest of 2" in explain(snapshot, found.root).evidence[0].text
    fleet.more_gpus = {"chat-2": fast | {Q.SM_CLOCK: 990.0, Q.GPU_UTIL: 0.0}}
    fleet.engines["chat-2"] = WELL
    assert fleet.incidents(660, 1300) == (), "an idle one saves power"
