"""Health of one pod, GPU or workload, from Kubernetes and its metrics."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fleet.diagnosis.assessment.assessor import Assessor
from fleet.diagnosis.subjects.subject import WorkloadSubject
from fleet.model.measurement import GpuId
from fleet.model.objects import Condition, Container, ModelVersion, Serving
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Join
from fleet.snapshot.builder import Builder
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, pod

CHAT = "serving/Deployment/chat"
MODEL = "serving/llama"
EDGES = (0.1, 0.5, 1.0, math.inf)


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


@pytest.mark.parametrize(
    ("level", "expected"), [(1.0, Assessment(Severity.ASLEEP, "asleep, level 1")), (0.0, Assessment(Severity.OK, ""))]
)
def test_a_group_sleeps_when_its_leader_does(level: float, expected: Assessment) -> None:
    group = {f"{LWS}/name": "chat", f"{LWS}/group-index": "0"}
    leader = pod("chat-0", serving=Serving("vLLM"), labels={**group, f"{LWS}/worker-index": "0"})
    worker = pod("chat-0-1", serving=Serving(follows=True), labels={**group, f"{LWS}/worker-index": "1"})
    m = measurement({engine("chat-0"): {Quantity.SLEEP_LEVEL: level, Quantity.RUNNING: 0.0}})
    snapshot = Builder().build(kube([leader, worker], deployment(desired=2)), m, [LIVE], NOW)
    assert snapshot.assessments[CHAT] == expected


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


@pytest.mark.parametrize(
    ("values", "severity", "words"),
    [
        ({Quantity.RUNNING: 4.0, Quantity.GENERATION_TOKENS: 90.0}, Severity.OK, ""),
        (
            {
                Quantity.RUNNING: 4.0,
                Quantity.GENERATION_TOKENS: 0.0,
                Quantity.PROMPT_TOKENS: 0.0,
                Quantity.LATEST_TOKENS: 0.0,
            },
            Severity.CRITICAL,
            "stuck",
        ),
        ({Quantity.PREEMPTIONS: 2.0}, Severity.WARNING, "preempts requests"),
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
        ({Quantity.WAITING: 70.0, Quantity.KV_USAGE: 0.3}, Severity.WARNING, "long queue"),
        ({Quantity.SLEEP_LEVEL: 1.0, Quantity.RUNNING: 0.0}, Severity.ASLEEP, "asleep, level 1"),
        ({Quantity.HTTP_REQUESTS: 10.0, Quantity.HTTP_ERRORS: 2.0}, Severity.WARNING, "answers with errors"),
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


@pytest.mark.parametrize(
    ("reason", "severity"), [("ProgressDeadlineExceeded", Severity.WARNING), ("GroupsProgressing", Severity.OK)]
)
def test_a_controller_that_has_nothing_left_to_do_is_not_stuck(reason: str, severity: Severity) -> None:
    workload = replace(deployment("chat")[0], conditions=(Condition("Progressing", "False", reason),))
    seen = WorkloadSubject(workload, [Assessment(Severity.OK)], workload.desired, workload.desired)
    assert Assessor().of_workload(seen).assessment.severity is severity
