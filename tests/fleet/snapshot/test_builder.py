"""The Snapshot as screens get it: what is joined, combined, assessed, and what is said when it cannot be."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace

import pytest

from fleet.model.histogram import Histogram
from fleet.model.measurement import GpuId, Group
from fleet.model.objects import Condition, Container, ModelVersion, Serving
from fleet.model.quantity import Family, Quantity
from fleet.model.reading import Bound, State
from fleet.model.snapshot import Assessment, Join, Severity
from fleet.snapshot.builder import Builder
from fleet.snapshot.health import assess_workload
from fleet.snapshot.history import Recorder
from fleet.sources.prometheus.past import Past
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, node, pod

CHAT = "serving/Deployment/chat"
MODEL = "serving/llama"
EDGES = (0.1, 0.5, 1.0, math.inf)


def group(pod_name: str, number: str = "0", model: str = "llama") -> Group:
    return Group("serving", model, pod_name, number)


def test_a_pod_belongs_to_the_deployment_at_the_top_and_to_the_model_that_its_engine_names() -> None:
    state = kube([pod("a"), pod("b")], deployment(desired=2))
    snapshot = Builder().build(state, measurement({engine("a"): {}, engine("b"): {}}), [LIVE], NOW)
    assert snapshot.workload_of == {"serving/a": CHAT, "serving/b": CHAT}
    assert snapshot.model_of == {CHAT: MODEL}
    assert snapshot.models[MODEL].workloads == (CHAT,)
    assert set(snapshot.workloads) == {CHAT}
    assert snapshot.unmatched == ()


def test_counts_add_up_and_the_fullest_engine_speaks_for_its_pod() -> None:
    ranks = {
        engine("a", number="0"): {Quantity.RUNNING: 3.0, Quantity.KV_USAGE: 0.2},
        engine("a", number="1"): {Quantity.RUNNING: 5.0, Quantity.KV_USAGE: 0.9},
        engine("b", number="0"): {Quantity.RUNNING: 1.0, Quantity.KV_USAGE: 0.4},
    }
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment(desired=2)), measurement(ranks), [LIVE], NOW)
    assert snapshot.by_pod.get("serving/a", Quantity.RUNNING).value == 8.0
    assert snapshot.by_pod.get("serving/a", Quantity.KV_USAGE).value == 0.9
    assert snapshot.by_workload.get(CHAT, Quantity.RUNNING).value == 9.0
    assert snapshot.by_workload.get(CHAT, Quantity.KV_USAGE).value == pytest.approx(0.5)
    assert snapshot.by_model.get(MODEL, Quantity.RUNNING).value == 9.0


def test_a_missing_value_is_missing_and_never_zero() -> None:
    values = {engine("a"): {Quantity.RUNNING: 3.0}, engine("b"): {Quantity.WAITING: 1.0}}
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), measurement(values), [LIVE], NOW)
    reading = snapshot.by_pod.get("serving/a", Quantity.WAITING)
    assert (reading.state, reading.known) == (State.MISSING, False)
    assert snapshot.by_workload.get(CHAT, Quantity.WAITING).value == 1.0
    assert snapshot.by_pod.get("serving/nobody", Quantity.WAITING).state is State.MISSING


def test_without_any_measurement_every_value_is_unknown() -> None:
    snapshot = Builder().build(kube([pod("a")], deployment()), None, [LIVE], NOW)
    assert snapshot.by_pod.get("serving/a", Quantity.RUNNING).state is State.UNKNOWN
    assert snapshot.by_workload.get(CHAT, Quantity.TTFT_P95).state is State.UNKNOWN


def test_percentiles_merge_buckets_so_one_slow_idle_pod_does_not_fake_a_tail() -> None:
    parts = {
        group("a"): Histogram(EDGES, (990.0, 1000.0, 1000.0, 1000.0)),
        group("b"): Histogram(EDGES, (0.0, 0.0, 1.0, 1.0)),
    }
    m = measurement({engine("a"): {}, engine("b"): {}}, {Family.TTFT: parts})
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), m, [LIVE], NOW)
    assert snapshot.by_pod.get("serving/b", Quantity.TTFT_P99).value == pytest.approx(0.995)
    reading = snapshot.by_workload.get(CHAT, Quantity.TTFT_P95)
    assert (reading.bound, reading.edge) == (Bound.AT_MOST, 0.1)
    assert reading.value == pytest.approx(0.1 * 0.95 * 1001 / 990)
    assert snapshot.by_model.get(MODEL, Quantity.TTFT_P99).value == pytest.approx(0.1 + 0.4 * (0.99 * 1001 - 990) / 10)


def test_a_workload_without_all_its_pods_takes_the_percentile_of_its_model() -> None:
    whole = {
        Group("serving", "llama"): Histogram(EDGES, (0.0, 10.0, 10.0, 10.0)),
        group("a"): Histogram(EDGES, (1.0, 1.0, 1.0, 1.0)),
    }
    m = measurement({engine("a"): {}, engine("b"): {}}, {Family.TTFT: whole})
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), m, [LIVE], NOW)
    assert snapshot.by_workload.get(CHAT, Quantity.TTFT_P50).value == pytest.approx(0.3)
    assert not snapshot.by_pod.get("serving/b", Quantity.TTFT_P50).known


def test_two_workloads_of_one_model_do_not_pass_off_the_model_as_their_own() -> None:
    m = measurement(
        {engine("a"): {}, engine("b"): {}},
        {Family.TTFT: {Group("serving", "llama"): Histogram(EDGES, (0.0, 10.0, 10.0, 10.0))}},
    )
    state = kube([pod("a"), pod("b", "canary")], [*deployment(), *deployment("canary")])
    snapshot = Builder().build(state, m, [LIVE], NOW)
    assert snapshot.models[MODEL].workloads == (CHAT, "serving/Deployment/canary")
    assert not snapshot.by_workload.get(CHAT, Quantity.TTFT_P50).known
    assert snapshot.by_model.get(MODEL, Quantity.TTFT_P50).known


def test_an_engine_without_pod_labels_is_joined_through_its_address() -> None:
    values = {engine("", namespace="", instance="10.0.0.7:8000"): {Quantity.RUNNING: 2.0}}
    snapshot = Builder().build(kube([pod("a", ip="10.0.0.7")], deployment()), measurement(values), [LIVE], NOW)
    assert snapshot.by_pod.get("serving/a", Quantity.RUNNING).value == 2.0
    assert snapshot.unmatched == ()


def test_engines_that_kubernetes_does_not_show_are_kept_and_named() -> None:
    m = measurement({engine("ghost-1"): {Quantity.RUNNING: 2.0}, engine("ghost-2"): {Quantity.RUNNING: 1.0}})
    snapshot = Builder().build(kube(), m, [LIVE], NOW)
    unseen = snapshot.workloads["serving/Unseen/llama"]
    assert unseen.desired == 2
    assert snapshot.by_workload.get(unseen.key, Quantity.RUNNING).value == 3.0
    assert {(x.join, x.key) for x in snapshot.unmatched} == {
        (Join.METRICS_WITHOUT_POD, "serving/ghost-1#0@llama"),
        (Join.METRICS_WITHOUT_POD, "serving/ghost-2#0@llama"),
    }
    assert snapshot.assessments["serving/ghost-1"].severity is Severity.UNKNOWN
    assert snapshot.assessments[unseen.key].severity is Severity.UNKNOWN


def test_a_ready_pod_that_nobody_measures_is_unknown_and_not_ok() -> None:
    version = ModelVersion(model="meta/llama", served_name="llama")
    state = kube([pod("a"), pod("b", version=version)], deployment())
    snapshot = Builder().build(state, measurement({engine("a"): {}}), [LIVE], NOW)
    assert snapshot.assessments["serving/b"].severity is Severity.UNKNOWN
    assert [(x.join, x.key) for x in snapshot.unmatched] == [(Join.POD_WITHOUT_METRICS, "serving/b")]


LWS = "leaderworkerset.sigs.k8s.io"


def test_a_worker_of_a_group_is_part_of_its_leaders_engine() -> None:
    group = {f"{LWS}/name": "chat", f"{LWS}/group-index": "0"}
    leader = pod("chat-0", serving=Serving("vLLM"), labels={**group, f"{LWS}/worker-index": "0"})
    worker = pod("chat-0-1", serving=Serving(follows=True), labels={**group, f"{LWS}/worker-index": "1"})
    second = {**group, f"{LWS}/group-index": "1", f"{LWS}/worker-index": "0"}
    other = pod("chat-1", serving=Serving("vLLM"), labels=second)
    m = measurement({engine("chat-0"): {}, engine("chat-1"): {}})
    snapshot = Builder().build(kube([leader, worker, other], deployment(desired=3)), m, [LIVE], NOW)
    assert snapshot.assessments["serving/chat-0-1"] == Assessment(Severity.OK, "part of chat-0's engine")
    assert snapshot.unmatched == ()


def test_an_engine_that_is_not_read_is_named_whatever_else_is_measured_of_its_pod() -> None:
    version = ModelVersion(model="a/b", served_name="a/b")
    triton = pod("a", serving=Serving("Triton"), version=version)
    m = measurement(gpus={GpuId("GPU-1", "", "n1", "0", "serving", "a"): {Quantity.GPU_UTIL: 0.5}})
    snapshot = Builder().build(kube([triton], deployment()), m, [LIVE], NOW)
    assert snapshot.assessments["serving/a"] == Assessment(Severity.OK, "Triton: not read yet")
    assert snapshot.assessments["serving/Deployment/chat"] == Assessment(Severity.OK, "Triton: not read yet")
    assert snapshot.unmatched == ()
    vllm = pod("a", serving=Serving("vLLM"), version=version)
    unmeasured = Builder().build(kube([vllm], deployment()), m, [LIVE], NOW).assessments["serving/a"]
    assert unmeasured.severity is Severity.UNKNOWN, "GPU metrics alone say nothing of an engine"


def test_an_engine_that_only_its_metrics_give_away_is_named() -> None:
    version = ModelVersion(model="a/b", served_name="a/b")
    builder, state = Builder(), kube([pod("a", version=version)], deployment())
    m = measurement()
    assert builder.build(state, m, [LIVE], NOW).assessments["serving/a"].severity is Severity.UNKNOWN
    m = replace(m, unread={"serving/a": "TGI: not read yet"})
    assert builder.build(state, m, [LIVE], NOW).assessments["serving/a"] == Assessment(Severity.OK, "TGI: not read yet")


def test_gpus_are_joined_to_pods_and_nodes_and_what_is_free_is_counted() -> None:
    held = GpuId("GPU-1", "", "n1.example", "0", "serving", "a")
    free = GpuId("GPU-2", "", "n1", "1")
    lost = GpuId("GPU-3", "", "n1", "2", "serving", "gone")
    m = measurement({engine("a"): {}}, gpus={held: {Quantity.GPU_UTIL: 0.9}, free: {Quantity.GPU_UTIL: 0.0}, lost: {}})
    state = kube([pod("a", node="n1", gpus=1)], deployment(), [node("n1", 4)])
    snapshot = Builder().build(state, m, [LIVE], NOW)
    assert snapshot.gpus_of == {"serving/a": ("GPU-1",)}
    assert set(snapshot.gpus_on["n1"]) == {"GPU-1", "GPU-2", "GPU-3"}
    assert snapshot.free_gpus == {"n1": (3, 4)}
    assert snapshot.by_pod.get("serving/a", Quantity.GPU_UTIL).value == 0.9
    assert {x.key: x.detail for x in snapshot.unmatched if x.join is Join.GPU_WITHOUT_POD} == {
        "GPU-2": "free",
        "GPU-3": "the exporter names serving/gone, which is not in the cluster",
    }


def test_a_card_that_pods_share_belongs_to_each_of_them_and_counts_once_for_what_is_above_them() -> None:
    card = GpuId("GPU-1", "", "n1", "0", "serving", "a", sharers=(("serving", "b"),))
    m = measurement({engine("a"): {}, engine("b"): {}}, gpus={card: {Quantity.GPU_POWER: 400.0}})
    state = kube([pod(name, node="n1", gpus=1) for name in ("a", "b")], deployment(desired=2), [node("n1", 4)])
    snapshot = Builder().build(state, m, [LIVE], NOW)
    assert snapshot.gpus_of == {"serving/a": ("GPU-1",), "serving/b": ("GPU-1",)}
    assert snapshot.gpus_on == {"n1": ("GPU-1",)}
    assert [snapshot.by_pod.value(f"serving/{name}", Quantity.GPU_POWER) for name in ("a", "b")] == [400, 400]
    assert snapshot.by_workload.value("serving/Deployment/chat", Quantity.GPU_POWER) == 400
    assert not snapshot.unmatched


def test_part_of_what_there_is_is_no_total() -> None:
    cards = {GpuId(f"GPU-{i}", "", "n1", str(i), "serving", "a"): {Quantity.GPU_UTIL: 0.5} for i in (0, 1)}
    cards[min(cards)] |= {Quantity.GPU_MEMORY_TOTAL: 80.0, Quantity.GPU_MEMORY_USED: 60.0}
    cards[max(cards)] |= {Quantity.GPU_MEMORY_USED: 30.0}
    m = measurement({engine("a"): {}}, gpus=cards)
    frame = Builder().build(kube([pod("a", node="n1", gpus=2)], deployment()), m, [LIVE], NOW).by_pod
    assert frame.value("serving/a", Quantity.GPU_MEMORY_USED) == 90
    assert math.isnan(frame.value("serving/a", Quantity.GPU_MEMORY_TOTAL))


def test_a_gpu_whose_holder_nobody_names_is_not_called_free() -> None:
    m = measurement({engine("a"): {}}, gpus={GpuId(f"GPU-{i}", "", "n1", str(i)): {} for i in range(2)})
    state = kube([pod("a", node="n1", gpus=2)], deployment(), [node("n1", 2)])
    unmatched = Builder().build(state, m, [LIVE], NOW).unmatched
    assert {x.key: x.detail for x in unmatched if x.join is Join.GPU_WITHOUT_POD} == dict.fromkeys(
        ("GPU-0", "GPU-1"), "held by a pod that its exporter does not name"
    )
    assert Join.POD_WITHOUT_GPU_METRICS in {x.join for x in unmatched}


def test_an_exporter_that_calls_its_host_by_its_own_name_is_on_its_node() -> None:
    m = measurement(gpus={GpuId("GPU-1", "", "dcgm-exporter-x7k2p", "0"): {}})
    exporter = pod("dcgm-exporter-x7k2p", node="n1", labels={"app": "nvidia-dcgm-exporter"})
    snapshot = Builder().build(kube([exporter], nodes=[node("n1")]), m, [LIVE], NOW)
    assert snapshot.gpus_on == {"n1": ("GPU-1",)}


def test_a_terminating_pod_still_holds_its_gpus() -> None:
    state = kube([pod("a", node="n1", gpus=4, deleted=NOW)], deployment(), [node("n1", 8)])
    assert Builder().build(state, None, [LIVE], NOW).free_gpus == {"n1": (4, 8)}


@pytest.mark.parametrize(("silence", "state"), [(0, State.FRESH), (20, State.STALE), (400, State.UNKNOWN)])
def test_silence_ages_every_value(silence: float, state: State) -> None:
    m = measurement({engine("a"): {Quantity.RUNNING: 2.0}})
    reading = (
        Builder()
        .build(kube([pod("a")], deployment()), m, [LIVE], NOW + silence)
        .by_pod.get("serving/a", Quantity.RUNNING)
    )
    assert reading.state is state
    assert reading.age == pytest.approx(silence)


def test_one_old_target_is_stale_while_the_others_are_fresh() -> None:
    m = measurement({engine("a"): {Quantity.RUNNING: 2.0}, engine("b"): {Quantity.RUNNING: 1.0}})
    m = replace(m, engine_table=replace(m.engine_table, ages=array("d", [0.0, 100.0])))
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), m, [LIVE], NOW)
    assert snapshot.by_pod.get("serving/a", Quantity.RUNNING).state is State.FRESH
    assert snapshot.by_pod.get("serving/b", Quantity.RUNNING).state is State.STALE


def test_a_restart_marks_the_pod_and_not_the_workload() -> None:
    m = measurement({engine("a"): {Quantity.REQUESTS: 2.0}, engine("b"): {Quantity.REQUESTS: 1.0}})
    m = replace(m, engine_table=replace(m.engine_table, reset=frozenset({1})))
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), m, [LIVE], NOW)
    assert snapshot.by_pod.get("serving/b", Quantity.REQUESTS).state is State.RESET
    assert snapshot.by_workload.get(CHAT, Quantity.REQUESTS).state is State.FRESH


@pytest.mark.parametrize(
    ("values", "severity", "words"),
    [
        ({Quantity.RUNNING: 4.0, Quantity.GENERATION_TOKENS: 90.0}, Severity.OK, ""),
        (
            {Quantity.RUNNING: 4.0, Quantity.GENERATION_TOKENS: 0.0, Quantity.PROMPT_TOKENS: 0.0},
            Severity.CRITICAL,
            "stuck",
        ),
        ({Quantity.PREEMPTIONS: 2.0}, Severity.WARNING, "preempts 2.0/s"),
        (
            {
                Quantity.RUNNING: 0.0,
                Quantity.WAITING: 3.0,
                Quantity.GENERATION_TOKENS: 0.0,
                Quantity.PROMPT_TOKENS: 0.0,
            },
            Severity.CRITICAL,
            "stuck: requests wait, none runs",
        ),
        ({Quantity.RUNNING: 0.0, Quantity.WAITING: 3.0, Quantity.PROMPT_TOKENS: 40.0}, Severity.OK, ""),
        ({Quantity.WAITING: 3.0, Quantity.KV_USAGE: 0.99}, Severity.WARNING, "KV cache full"),
        ({Quantity.WAITING: 0.0, Quantity.KV_USAGE: 0.99}, Severity.OK, ""),
        ({Quantity.WAITING: 70.0, Quantity.KV_USAGE: 0.3}, Severity.WARNING, "70 requests wait"),
        ({Quantity.SLEEP_LEVEL: 1.0, Quantity.RUNNING: 0.0}, Severity.ASLEEP, "asleep, level 1"),
        ({Quantity.HTTP_REQUESTS: 10.0, Quantity.HTTP_ERRORS: 2.0}, Severity.WARNING, "20 % errors"),
    ],
)
def test_how_a_measured_pod_stands(values: dict[Quantity, float], severity: Severity, words: str) -> None:
    snapshot = Builder().build(kube([pod("a")], deployment()), measurement({engine("a"): values}), [LIVE], NOW)
    assessment = snapshot.assessments["serving/a"]
    assert assessment.severity is severity
    assert words in assessment.reason


def test_how_pods_stand_that_do_not_serve() -> None:
    version = ModelVersion(served_name="llama")
    unschedulable = Condition("PodScheduled", "False", "Unschedulable", "0/3 nodes: 3 Insufficient nvidia.com/gpu.")
    pods = [
        pod("loop", ready=False, status="CrashLoopBackOff", restarts=4, version=version),
        pod(
            "full", ready=False, phase="Pending", status="Pending", gpus=4, conditions=(unschedulable,), version=version
        ),
        pod("load", ready=False, containers=(Container("vllm", "i"),), version=version),
        pod("bye", deleted=NOW, version=version),
    ]
    found = Builder().build(kube(pods, deployment(desired=4)), measurement(), [LIVE], NOW).assessments
    assert found["serving/loop"] == (Severity.CRITICAL, "CrashLoopBackOff")
    assert found["serving/full"] == (Severity.WARNING, "no free GPU")
    assert found["serving/load"] == (Severity.STARTING, "loading")
    assert found["serving/bye"].severity is Severity.GONE
    assert found[CHAT].severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("values", "severity"),
    [
        ({Quantity.XID: 79.0}, Severity.CRITICAL),
        ({Quantity.XID: 31.0}, Severity.OK),
        ({Quantity.XID: 45.0}, Severity.OK),
        ({Quantity.XID: 0.0, Quantity.THROTTLE: 0.2, Quantity.GPU_TEMPERATURE: 70.0}, Severity.OK),
        ({Quantity.XID: 0.0, Quantity.THROTTLE: 0.2, Quantity.GPU_TEMPERATURE: 86.0}, Severity.WARNING),
        ({Quantity.GPU_TEMPERATURE: 91.0}, Severity.WARNING),
        ({Quantity.GPU_TEMPERATURE: 60.0}, Severity.OK),
    ],
)
def test_a_sick_gpu_makes_its_pod_sick(values: dict[Quantity, float], severity: Severity) -> None:
    m = measurement({engine("a"): {}}, gpus={GpuId("GPU-1", "", "n1", "0", "serving", "a"): values})
    found = Builder().build(kube([pod("a", node="n1", gpus=1)], deployment()), m, [LIVE], NOW).assessments
    assert found["GPU-1"].severity is severity
    assert found["serving/a"].severity is severity


@pytest.mark.parametrize(
    ("reasons", "severity"),
    [
        (("power cap",), Severity.OK),
        (("thermal (software)", "power cap"), Severity.WARNING),
        (("thermal (hardware)",), Severity.CRITICAL),
    ],
)
def test_the_power_cap_is_weather_and_heat_is_not(reasons: tuple[str, ...], severity: Severity) -> None:
    values = {Quantity.THROTTLE: 0.4, Quantity.GPU_TEMPERATURE: 75.0}
    gpus = {GpuId("GPU-1", "", "n1", "0", "serving", "a"): values}
    m = measurement({engine("a"): {}}, gpus=gpus, throttle_reasons={"GPU-1": reasons})
    snapshot = Builder().build(kube([pod("a", node="n1", gpus=1)], deployment()), m, [LIVE], NOW)
    assert snapshot.assessments["serving/a"].severity is severity
    assert snapshot.throttle_reasons == {"GPU-1": reasons}


def test_a_sleeping_fleet_is_asleep_and_not_down() -> None:
    assert Builder().build(kube([], deployment(desired=0)), None, [LIVE], NOW).assessments[CHAT] == (
        Severity.ASLEEP,
        "scaled to 0",
    )


def test_the_structure_is_reused_until_something_comes_or_goes() -> None:
    builder = Builder()
    m = measurement({engine("a"): {Quantity.RUNNING: 1.0}})
    state = kube([pod("a")], deployment())
    first = builder.build(state, m, [LIVE], NOW)
    second = builder.build(state, m, [LIVE], NOW + 1)
    assert second.workloads is first.workloads
    assert second.by_pod.index is first.by_pod.index
    third = builder.build(kube([pod("a"), pod("b")], deployment(), generation=2), m, [LIVE], NOW + 2)
    assert "serving/b" in third.pods
    assert "serving/b" not in second.pods


def test_focus_limits_the_percentiles_of_pods_but_not_of_workloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.snapshot.frames.FOCUS_ALL_BELOW", 1)
    parts = {group(name): Histogram(EDGES, (0.0, 1.0, 1.0, 1.0)) for name in "ab"}
    m = measurement({engine("a"): {}, engine("b"): {}}, {Family.TTFT: parts})
    snapshot = Builder().build(kube([pod("a"), pod("b")], deployment()), m, [LIVE], NOW, frozenset({"serving/b"}))
    assert not snapshot.by_pod.get("serving/a", Quantity.TTFT_P95).known
    assert snapshot.by_pod.get("serving/b", Quantity.TTFT_P95).known
    assert snapshot.by_workload.get(CHAT, Quantity.TTFT_P95).known


def test_history_draws_what_was_and_leaves_gaps_where_nothing_was_known() -> None:
    builder = Builder(Recorder(step=15, points=10))
    state = kube([pod("a")], deployment())
    for at, waiting in ((0, 1.0), (15, 2.0), (45, 4.0)):
        m = measurement({engine("a"): {Quantity.WAITING: waiting}}, at=NOW + at)
        snapshot = builder.build(state, m, [LIVE], NOW + at)
    strip = snapshot.history.strip(CHAT, Quantity.WAITING, 10)
    assert strip[:2] == (1.0, 2.0)
    assert math.isnan(strip[2])
    assert strip[3:] == (4.0,)
    stale = builder.build(state, m, [LIVE], NOW + 90).history.strip("serving/a", Quantity.WAITING, 10)
    assert math.isnan(stale[-1])


def test_the_pods_of_a_model_that_two_workloads_serve_are_named_so_that_they_can_be_told_apart() -> None:
    builder = Builder()
    m = measurement({engine("a"): {}, engine("b"): {}, engine("c", model="other"): {}})
    pods = [pod("a"), pod("b", "canary"), pod("c", "alone")]
    state = kube(pods, [*deployment(), *deployment("canary"), *deployment("alone")])
    assert builder.shared() == frozenset()
    builder.build(state, m, [LIVE], NOW)
    assert builder.shared() == {"serving/a", "serving/b"}


def test_a_pod_that_has_just_started_does_not_take_the_percentile_from_its_workload() -> None:
    old = Histogram(EDGES, (0.0, 10.0, 10.0, 10.0))
    m = measurement({engine("a"): {}, engine("new"): {}}, {Family.TTFT: {group("a"): old}})
    snapshot = Builder().build(kube([pod("a"), pod("new")], deployment(desired=2)), m, [LIVE], NOW)
    assert snapshot.by_workload.get(CHAT, Quantity.TTFT_P50).value == pytest.approx(0.3)
    assert snapshot.by_model.get(MODEL, Quantity.TTFT_P50).value == pytest.approx(0.3)


@pytest.mark.parametrize("skew", [0.0, 0.01, 600.0, -600.0])
def test_what_prometheus_remembers_is_drawn_at_the_consoles_own_time_whatever_its_clock_says(skew: float) -> None:
    builder = Builder(Recorder(step=15, points=10))
    m = measurement({engine("a"): {Quantity.WAITING: 9.0}})
    state = kube([pod("a")], deployment())
    builder.build(state, m, [LIVE], NOW)
    points = tuple((NOW + skew - 15 * back + 1, float(9 - back)) for back in (3, 2, 1))
    builder.remember([Past(Quantity.WAITING, points, group=group("a"))], skew)
    snapshot = builder.build(state, m, [LIVE], NOW + 1)
    assert snapshot.history.strip("serving/a", Quantity.WAITING, 10) == (6.0, 7.0, 8.0, 9.0)
    assert snapshot.history.strip(CHAT, Quantity.WAITING, 10) == (6.0, 7.0, 8.0, 9.0)


@pytest.mark.parametrize(
    ("reason", "severity"), [("ProgressDeadlineExceeded", Severity.WARNING), ("GroupsProgressing", Severity.OK)]
)
def test_a_controller_that_has_nothing_left_to_do_is_not_stuck(reason: str, severity: Severity) -> None:
    workload = replace(deployment("chat")[0], conditions=(Condition("Progressing", "False", reason),))
    assert assess_workload(workload, [Assessment(Severity.OK)], workload.desired).severity is severity
