"""Pods that nobody creates, problems that agents report of nodes, ranks that hang, reasons that nobody has listed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.diagnosis.incidents.evidence import explain
from fleet.model.finding import FindingState
from fleet.model.measurement import EngineId
from fleet.model.objects import Condition, Container, Event, ObjectRef
from fleet.model.severity import Severity
from fleet.snapshot.builder import Builder
from tests.fleet.diagnosis.fleets import WELL, Fleet, Q, causes, unready
from tests.fleet.rows import LIVE, NOW, deployment, kube, measurement, node, pod

QUOTA = 'create Pod chat-9 in StatefulSet chat failed error: pods "chat-9" is forbidden: exceeded quota: gpus'


def rejected(kind: str, name: str, message: str, at: float) -> Event:
    involved = ObjectRef(kind, "serving", name)
    return Event("serving", f"{name}.1", "e1", "1", involved, "", "Warning", "FailedCreate", message, 1, at)


def test_pods_that_nobody_creates_are_told_and_those_of_a_rollout_that_goes_on_are_not() -> None:
    fleet = Fleet(3)
    fleet.workload = {"desired": 5}
    (found,) = fleet.incidents(0, 70)
    assert (found.root.cause, found.state, found.root.words) == (
        "pods-not-created",
        FindingState.FIRING,
        "2 pods not created",
    )
    assert "replicas-missing" in [one.cause for one in found.symptoms]
    fleet.of("chat-0", deleted=NOW + 100)
    assert "pods-not-created" not in [one.root.cause for one in fleet.incidents(75, 200)]


@pytest.mark.parametrize(("kind", "name"), [("Deployment", "chat"), ("ReplicaSet", "chat-6f7d9c")])
def test_what_the_server_answers_is_read_from_events_where_no_status_has_it(kind: str, name: str) -> None:
    fleet = Fleet(3)
    fleet.workload = {"desired": 4}
    fleet.events = [rejected(kind, name, QUOTA, NOW - 20)]
    snapshot = [fleet.at(0), fleet.at(70)][-1]
    (found,) = snapshot.incidents
    assert (found.root.cause, found.root.words) == ("pods-not-created", "quota exhausted: gpus")
    assert any("exceeded quota" in one.text for one in explain(snapshot, found.root).evidence)
    fleet.events = [rejected("ReplicaSet", "chat-int4-6f7d9c", QUOTA, NOW - 20)]
    assert fleet.incidents(75)[0].root.words == "1 pod not created", "another workload's name begins with this one's"


def test_where_the_status_has_it_it_is_told_once() -> None:
    fleet = Fleet(3)
    condition = Condition("ReplicaFailure", "True", "FailedCreate", QUOTA, since=NOW)
    fleet.workload = {"desired": 4, "conditions": (condition,)}
    assert causes(fleet.incidents(0, 70)) == ["quota-exceeded"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition("KernelDeadlock", "True", "DockerHung", "task blocked", since=NOW - 50), True),
        (Condition("AcceleratedHardwareReady", "False", "NvidiaXID79Error", "fallen off", since=NOW - 50), True),
        (Condition("AcceleratedHardwareReady", "True", since=NOW - 50), False),
        (Condition("KernelDeadlock", "False", since=NOW - 50), False),
        (Condition("ReadonlyFilesystem", "Unknown", since=NOW - 50), False),
        (Condition("EtcdIsVoter", "True", "MemberNotLearner", since=NOW - 50), False),
    ],
)
def test_a_problem_that_an_agent_reports_of_a_node_is_told(condition: Condition, expected: bool) -> None:
    fleet = Fleet(3)
    fleet.nodes["n1"] = node("n1", conditions=(Condition("Ready", "True"), condition))
    found = fleet.incidents(0, 70)
    assert [(one.root.cause, one.about, one.root.words, one.since) for one in found] == (
        [("node-problem", "n1", condition.type, NOW - 50)] if expected else []
    )


def test_a_rank_that_hangs_is_seen_behind_the_sums_of_its_pod() -> None:
    row, builder = pod("chat-0", "chat"), Builder()
    state = kube([row], deployment("chat"))
    ranks = {EngineId("serving", "chat-0", "llama", str(rank)): WELL | {Q.LATEST_TOKENS: 90.0} for rank in range(4)}

    def seen(seconds: float) -> list[tuple[str, str, Severity]]:
        m = measurement(ranks, at=NOW + seconds)
        found = builder.build(replace(state, generation=int(seconds) + 2), m, [LIVE], NOW + seconds).incidents
        return [(one.root.cause, one.about, one.severity) for one in found]

    assert seen(0) == []
    hung = EngineId("serving", "chat-0", "llama", "2")
    ranks[hung] = WELL | {Q.LATEST_TOKENS: 0.0, Q.GENERATION_TOKENS: 0.0, Q.RUNNING: 1.0}
    assert seen(15) == [], "one request alone may be a long prompt"
    ranks[hung] |= {Q.RUNNING: 9.0}
    assert seen(30) == [("rank-stuck", "serving/chat-0", Severity.CRITICAL)]
    ranks |= dict.fromkeys(ranks, WELL | {Q.LATEST_TOKENS: 0.0, Q.GENERATION_TOKENS: 0.0})
    assert "rank-stuck" not in [cause for cause, *_ in seen(45)], "all of them stand still: that is the engine"


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("RunContainerError", "container-not-created"),
        ("CreatePodSandboxError", "container-not-created"),
        ("KataRuntimeRefused", "container-not-created"),
        ("ImagePullSecretMissing", "image-not-pulled"),
    ],
)
def test_a_reason_that_nobody_has_listed_is_one_all_the_same(reason: str, cause: str) -> None:
    fleet = Fleet(3)
    waits = Container("vllm", "vllm:1", state="waiting", reason=reason, message="of itself")
    fleet.of("chat-1", **unready(NOW, phase="Pending", status=reason, containers=(waits,)))
    snapshot = [fleet.at(0), fleet.at(70)][-1]
    (found,) = snapshot.incidents
    assert (found.root.cause, found.about) == (cause, "serving/chat-1")
    assert any("of itself" in one.text for one in explain(snapshot, found.root).evidence)


def test_what_a_container_wrote_last_is_evidence_of_its_end() -> None:
    fleet = Fleet(3)
    died = Container(
        "vllm",
        "vllm:1",
        restarts=4,
        state="waiting",
        reason="CrashLoopBackOff",
        last_reason="Error",
        last_exit_code=255,
        last_message="starting\nRuntimeError: layer 3 has another shape\n",
    )
    fleet.of("chat-1", **unready(NOW, status="CrashLoopBackOff", restarts=4, containers=(died,)))
    snapshot = fleet.at(0)
    texts = [one.text for one in explain(snapshot, snapshot.incidents[0].root).evidence]
    assert any(text.endswith("exit code 255, Error: RuntimeError: layer 3 has another shape") for text in texts)


def test_the_condition_of_a_pod_that_is_not_ready_is_its_evidence() -> None:
    fleet = Fleet(3)
    gate = Condition("Ready", "False", "ReadinessGatesNotReady", 'the status of "target-health/tg" is not "True"', NOW)
    started = (Container("vllm", "vllm:1", state="running", started=True),)
    fleet.of("chat-1", ready=False, conditions=(gate,), containers=started)
    snapshot = fleet.at(0)
    texts = [one.text for one in explain(snapshot, snapshot.incidents[0].root).evidence]
    assert any("target-health/tg" in text for text in texts)
