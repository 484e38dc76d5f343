"""Pods that are refused, do not start or are killed: what the API server and the kubelet say of them."""

from __future__ import annotations

import pytest

from fleet.diagnosis.incidents.evidence import explain
from fleet.model.objects import Condition, Container, Event, ObjectRef
from tests.fleet.diagnosis.fleets import CHAT, Fleet, unready
from tests.fleet.rows import NOW


def report(fleet: Fleet, reason: str, message: str, at: float = NOW - 5, uid: str = "") -> None:
    uid = uid or fleet.at(0).pods["serving/chat-0"].uid
    name, involved = f"chat-0.{len(fleet.events)}", ObjectRef("Pod", "serving", "chat-0")
    fleet.events.append(Event("serving", name, name, "1", involved, uid, "Warning", reason, message, 1, at))


def creating() -> Fleet:
    fleet = Fleet(3)
    fleet.of("chat-0", **unready(NOW - 400, phase="Pending", status="ContainerCreating"))
    return fleet


def named(fleet: Fleet) -> set[str]:
    return {one.root.cause for one in fleet.incidents(1)}


@pytest.mark.parametrize(
    ("reason", "message", "cause"),
    [
        ("FailedAttachVolume", 'Multi-Attach error for volume "pvc-1"', "volume-attached-elsewhere"),
        ("FailedAttachVolume", "rpc error: code = Internal", "volume-not-attached"),
        ("FailedMount", 'MountVolume.SetUp failed for volume "a" : secret "b" not found', "volume-source-missing"),
        ("FailedMount", "timed out waiting for the condition", "volume-not-mounted"),
        ("FailedCreatePodSandBox", "failed to setup network", "sandbox-not-created"),
        ("Pulling", 'Pulling image "vllm"', "image-pull-slow"),
    ],
)
def test_what_keeps_a_pod_from_being_created(reason: str, message: str, cause: str) -> None:
    fleet = creating()
    report(fleet, reason, message)
    assert named(fleet) == {cause}
    report(fleet, "Created", "Created container", at=NOW - 1)
    assert cause not in {one.root.cause for one in fleet.incidents(2, 90) if one.state != "recovering"}


@pytest.mark.parametrize("probe", ["startup", "liveness"])
def test_a_probe_that_kills_is_the_root_of_the_restarts(probe: str) -> None:
    fleet = Fleet(3)
    fleet.of("chat-0", **unready(NOW - 300, restarts=4, containers=(Container("vllm", "v", restarts=4),)))
    assert named(fleet) == {"restarts-and-not-ready"}
    report(fleet, "Killing", f"Container vllm failed {probe} probe, will be restarted")
    assert named(fleet) == {f"killed-by-{probe}-probe"}


@pytest.mark.parametrize(("at", "uid"), [(NOW - 900, ""), (NOW - 5, "another")])
def test_an_old_event_and_one_of_another_pod_of_the_name_tell_nothing(at: float, uid: str) -> None:
    fleet = Fleet(3)
    report(fleet, "Killing", "Container vllm failed liveness probe, will be restarted", at, uid)
    assert named(fleet) == set()


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ('pods "x" is forbidden: exceeded quota: gpus, requested: a=1', "quota-exceeded"),
        ('admission webhook "p.example.com" denied the request: no', "admission-denied"),
        ('failed calling webhook "p.example.com": timeout', "webhook-unreachable"),
        ('violates PodSecurity "restricted:latest"', "pod-security-violated"),
        ("no", "pods-refused"),
    ],
)
def test_pods_that_are_never_made_are_told_at_the_workload(message: str, cause: str) -> None:
    fleet = Fleet(3)
    failure = Condition("ReplicaFailure", "True", "FailedCreate", message, since=NOW - 60)
    fleet.workload = {"desired": 4, "conditions": (failure,)}
    seen = fleet.at(0)
    (found,) = seen.incidents
    assert (found.root.cause, found.root.key, found.since) == (cause, CHAT, NOW - 60)
    assert message in "\n".join(one.text for one in explain(seen, found.root).evidence)


@pytest.mark.parametrize(
    ("status", "reason", "cause"),
    [
        ("Init:CrashLoopBackOff", "CrashLoopBackOff", "init-container-fails"),
        ("CrashLoopBackOff", "CrashLoopBackOff", "crash-loop"),
    ],
)
def test_the_last_exit_is_evidence(status: str, reason: str, cause: str) -> None:
    died = Container("vllm", "v", restarts=4, reason=reason, last_reason="Error", last_exit_code=139)
    fleet = Fleet(3)
    fleet.of("chat-0", **unready(NOW - 300, status=status, restarts=4, containers=(died,)))
    seen = fleet.at(0)
    (found,) = seen.incidents
    assert found.root.cause == cause
    assert "exit code 139 (SIGSEGV), Error" in "\n".join(one.text for one in explain(seen, found.root).evidence)


def test_the_registry_s_answer_is_in_the_words() -> None:
    pulls = Container("vllm", "v", reason="ErrImagePull", message="429 Too Many Requests: toomanyrequests")
    fleet = Fleet(3)
    fleet.of("chat-0", **unready(NOW - 300, status="ErrImagePull", containers=(pulls,)))
    (found,) = fleet.incidents(0)
    assert found.root.words == "ErrImagePull: the registry's rate limit"
