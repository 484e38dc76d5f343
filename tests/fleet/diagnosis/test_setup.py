"""Findings about the setup of a workload appear if it is promised to be up; those about its contents, in any case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from fleet.diagnosis.causes.latencies import OF_LATENCIES
from fleet.diagnosis.causes.setup import OF_SETUP
from fleet.diagnosis.families.missed_objective_cause import MissedObjectives
from fleet.diagnosis.incidents.evidence import explain
from fleet.diagnosis.subjects.setup_subject import SetupSubject, setup_subject
from fleet.model.facts import Dated, Facts
from fleet.model.finding import FindingState, Incident
from fleet.model.missed_objective import MissedObjective, Promised
from fleet.model.objects import ModelVersion, Service
from fleet.model.quantity import Family, Quantity
from fleet.model.routes import Backend, Certificate, Route, Routing
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from fleet.objectives.burn_rate import WINDOWS
from fleet.objectives.ledger import Ledger, Tally
from fleet.objectives.objective import Goals, objective
from fleet.objectives.owners import RequestOwner
from fleet.snapshot.builder import Builder
from tests.fleet.diagnosis.fleets import CHAT, DEEP, WELL, Fleet, Q
from tests.fleet.rows import NOW, deployment, engine, kube, measurement, node, pod

THERE = {CHAT: Promised(0.999)}


def seen(fleet: Fleet, promised: Mapping[str, Promised] = THERE) -> Snapshot:
    return replace(fleet.at(0), promised=promised)


def told(snapshot: Snapshot) -> list[str]:
    subject = setup_subject(snapshot, CHAT)
    assert subject is not None
    holding = [one for one in OF_SETUP if all(s.holds(subject) for s in one.must) and not one.excluded(subject)]
    assert all(
        shown.text for one in holding for sign in (*one.must, *one.keeps_firing) for shown in sign.observations(subject)
    )
    assert all(one.words(subject) for one in holding)
    return [one.id for one in holding]


def test_one_replica_is_told_where_somebody_has_promised_that_it_is_there() -> None:
    assert told(seen(Fleet(1))) == ["single-replica"]
    assert told(seen(Fleet(1), {})) == []
    assert told(seen(Fleet(1), {CHAT: Promised(0.0)})) == []


def test_replicas_on_one_node_are_told_and_those_on_two_are_not() -> None:
    assert told(seen(Fleet(2))) == ["replicas-on-one-node"]
    assert told(seen(Fleet(3))) == []


def test_another_pool_that_serves_the_model_keeps_the_promise() -> None:
    snapshot = seen(Fleet(2))
    subject = setup_subject(snapshot, CHAT)
    assert subject is not None
    (cause,) = [one for one in OF_SETUP if one.id == "replicas-on-one-node"]
    assert all(sign.holds(subject) for sign in cause.must)
    assert not all(sign.holds(subject._replace(wanted=4)) for sign in cause.must)
    assert cause.excluded(subject._replace(is_grouped=True))


def full(kv: float, free: int, fleet: Fleet | None = None) -> Snapshot:
    """Three replicas, two of them on a node, with so many GPUs free on the other one."""
    fleet = fleet or Fleet(3)
    fleet.engines = dict.fromkeys(fleet.pods, WELL | {Q.KV_USAGE: kv})
    for name in fleet.pods:
        fleet.of(name, gpus=1, gpu_resource="nvidia.com/gpu")
    return replace(seen(fleet), free_gpus={"n0": (0, 8), "n1": (free, 8)})


@pytest.mark.parametrize(
    ("kv", "free", "expected"),
    [(0.4, 0, ["no-spare-capacity"]), (0.4, 2, []), (0.4, 1, ["no-spare-capacity"]), (0.3, 0, [])],
)
def test_capacity_is_missing_where_the_rest_would_be_full_and_no_gpu_is_free(
    kv: float, free: int, expected: list[str]
) -> None:
    assert told(full(kv, free)) == expected


def test_what_the_rest_would_hold_is_reckoned_by_the_blocks_that_all_hold_now() -> None:
    subject = setup_subject(full(0.4, 0), CHAT)
    assert subject is not None
    assert subject.loss is not None
    assert (subject.loss.node, subject.loss.replicas, subject.loss.room) == ("n0", 2, 0)
    assert subject.loss.kv_usage == pytest.approx(1.2)


def test_where_nobody_counts_all_gpus_or_all_replicas_nothing_is_said() -> None:
    snapshot = full(0.9, 0)
    assert told(replace(snapshot, free_gpus={})) == []
    fleet = Fleet(3)
    fleet.engines.popitem()
    assert told(full(0.9, 0, fleet)) == ["no-spare-capacity"], "the engines are set anew there"
    unmeasured = Fleet(3)
    snapshot = full(0.9, 0, unmeasured)
    assert told(replace(snapshot, by_pod=replace(snapshot.by_pod, states=bytes([9]) * 3))) == []


def versions(*digests: str, **more: Any) -> Fleet:
    """A replica of each of these digests of one tag."""
    fleet = Fleet(len(digests))
    for name, digest in zip(fleet.pods, digests, strict=True):
        made = {"version": ModelVersion("vllm:latest", digest, "llama", "llama"), "created": NOW - 3600}
        fleet.of(name, **(made | {"labels": {"pod-template-hash": "a"}} | more))
    return fleet


def test_one_tag_that_is_two_images_is_told_and_two_revisions_are_not_that() -> None:
    assert told(seen(versions("sha256:1", "sha256:1", "sha256:2"), {})) == ["image-differs"]
    assert told(seen(versions("sha256:1", "sha256:1", "sha256:1"), {})) == []
    assert told(seen(versions("sha256:1", "", "sha256:1"), {})) == [], "one has not said yet what it runs"
    fleet = versions("sha256:1", "sha256:2")
    fleet.pods["chat-1"]["labels"] = {"pod-template-hash": "b"}
    fleet.pods["chat-1"]["created"] = NOW - 60
    assert told(seen(fleet, {})) == [], "that is a rollout"


def test_it_is_so_since_the_first_pod_of_the_rarer_image_was_made() -> None:
    fleet = versions("sha256:1", "sha256:1", "sha256:2")
    (found,) = fleet.incidents(0)
    assert (found.root.cause, found.since, found.state) == ("image-differs", NOW - 3600, FindingState.FIRING)
    assert found.root.told_by == "when the first pod of the other image was created"
    snapshot = fleet.at(1)
    told_of = explain(snapshot, snapshot.incidents[0].root)
    assert any("vllm:latest is sha256:1 and sha256:2" in one.text for one in told_of.evidence)


def halves(age: float, **more: Any) -> Fleet:
    """Two revisions, the newer so old."""
    fleet = Fleet(3)
    for name, revision in zip(fleet.pods, "aab", strict=True):
        created = NOW - (age if revision == "b" else 9000)
        fleet.of(name, labels={"pod-template-hash": revision}, created=created)
    fleet.workload = more
    return fleet


def test_a_rollout_that_goes_on_no_more_leaves_two_revisions() -> None:
    assert told(seen(halves(4000), {})) == ["revisions-differ"]
    assert told(seen(halves(600), {})) == [], "it brings a pod now and then"
    assert told(seen(halves(4000, desired=4), {})) == [], "it is stuck, which is told by its pods"


@pytest.mark.parametrize("other", [{"ready": False}, {"deleted": NOW - 5}], ids=["loads for long", "ends"])
def test_while_a_pod_of_it_comes_or_goes_a_rollout_goes_on(other: dict[str, Any]) -> None:
    """Pods that load for forty minutes: the newest that is ready was created before that."""
    fleet = halves(4000, desired=2)
    assert told(seen(fleet, {})) == ["revisions-differ"]
    fleet.of(next(iter(fleet.pods)), **other)
    assert told(seen(fleet, {})) == []


def test_the_same_pods_are_looked_at_again_once_they_are_older() -> None:
    fleet = halves(1700)
    builder, numbers = Builder(), {engine(name): WELL for name in fleet.pods}
    rows = [fleet._pod(at, name, ModelVersion()) for at, name in enumerate(fleet.pods)]
    state = kube(rows, deployment(desired=3), list(fleet.nodes.values()))
    found = [
        [one.root.cause for one in builder.build(state, measurement(numbers, at=now), (), now).incidents]
        for now in (NOW + seconds for seconds in (0, 120, 305))
    ]
    assert found == [[], [], ["revisions-differ"]]


def subject_words(snapshot: Snapshot) -> str:
    subject = setup_subject(snapshot, CHAT)
    assert isinstance(subject, SetupSubject)
    (cause,) = [one for one in OF_SETUP if one.id == "revisions-differ"]
    return cause.words(subject)


def test_one_that_was_paused_is_called_so_and_a_canary_by_partition_is_none() -> None:
    assert subject_words(seen(halves(4000, paused=True), {})) == "half rolled out, paused"
    subject = setup_subject(seen(halves(4000), {}), CHAT)
    assert subject is not None
    (cause,) = [one for one in OF_SETUP if one.id == "revisions-differ"]
    ordered = subject._replace(workload=replace(subject.workload, kind="StatefulSet", strategy="RollingUpdate"))
    assert cause.excluded(ordered)
    assert not cause.excluded(ordered._replace(workload=replace(ordered.workload, strategy="OnDelete")))


def test_how_it_is_set_up_is_no_root_of_what_users_feel() -> None:
    """A queue at the only replica is a queue: that there is but one has not made it."""
    late = incidents(waiting=0.0, bad=0.2, replicas=1, availability=True)
    assert {one.root.cause for one in late} == {"ttft-objective-missed", "single-replica"}


def test_what_stands_in_front_of_it_is_no_root_of_a_latency_that_engines_count() -> None:
    certificate = Certificate("serving", "chat", "chat-tls", NOW - 80 * 86_400, NOW + 10 * 86_400)
    route = Route("Ingress", "serving", "chat", (Backend("Service", "serving", "chat"),), ("serving/chat-tls",))
    found = incidents(waiting=0.0, bad=0.2, routing=Routing((route,), certificates=(certificate,)))
    assert {one.root.cause for one in found} == {"ttft-objective-missed", "certificate-expires"}


def incidents(
    *, waiting: float, bad: float, replicas: int = 2, availability: bool = False, routing: Routing | None = None
) -> Sequence[Incident]:
    """A model of whose first tokens such a share came later than 2.5 s, of 600 in five minutes."""
    goals = Goals((objective("ttft_p95", 2.5), *([objective("availability", 0.99)] if availability else [])))
    names = [f"chat-7c9f58-x2k4{letter}" for letter in "bcdf"[:replicas]]
    rows = [pod(name, node=f"n{at}", labels={"app": "chat"}) for at, name in enumerate(names)]
    state = kube(rows, deployment(desired=replicas), [node(f"n{at}") for at in range(replicas)])
    engines = {engine(name): WELL | {Quantity.WAITING: waiting} for name in names}
    owner = RequestOwner("serving", "chat")
    buckets = {Family.TTFT: {2.5: 2.0 * (1 - bad), float("inf"): 2.0}}
    spent = {window: {owner: Tally(buckets, all=2.0, present=1.0)} for window in (*WINDOWS, goals.period)}
    ledger = Ledger(goals, spent, {owner: NOW - goals.period}, dict.fromkeys(spent, NOW), "prometheus")
    service = Service("serving", "chat", "uid-s", "1", "ClusterIP", {"app": "chat"}, (("http", 80),))
    state = replace(state, services={service.key: service})
    led = {} if routing is None else {"routing": Dated(NOW, routing)}
    builder, facts = Builder(), Facts({"objectives": Dated(NOW, ledger), **led})
    found = [
        builder.build(state, measurement(engines, at=NOW + seconds), (), NOW + seconds, facts=facts)
        for seconds in (0, 60, 300)
    ]
    return found[-1].incidents


def test_a_latency_that_is_not_kept_is_told_within_minutes() -> None:
    (found,) = incidents(waiting=0.0, bad=0.2)
    assert (found.root.cause, found.severity, found.state) == (
        "ttft-objective-missed",
        Severity.WARNING,
        FindingState.FIRING,
    )
    assert found.root.words == "TTFT p95 misses 2.5 s: 20% are late"
    assert "budget-burns" in {one.cause for one in found.symptoms}
    assert incidents(waiting=0.0, bad=0.04) == ()


def test_a_queue_is_its_root() -> None:
    (found,) = incidents(waiting=DEEP[Q.WAITING], bad=0.2)
    assert found.root.cause == "queue-deep"
    assert "ttft-objective-missed" in {one.cause for one in found.symptoms}


LATE = MissedObjective("ttft", "p95", 2.5, 0.2, 0.05, 600.0, 300.0)


@pytest.mark.parametrize(
    ("late", "percentile", "expected"),
    [
        (LATE, 4.0, Severity.WARNING),
        (LATE, 5.5, Severity.CRITICAL),
        (LATE, float("nan"), Severity.WARNING),
        (LATE._replace(events=19.0), 9.0, None),
        (LATE._replace(percentile="p99", events=60.0), 9.0, None),
        (LATE._replace(percentile="p99", events=160.0), 9.0, Severity.CRITICAL),
    ],
)
def test_twice_as_long_is_critical_and_few_requests_tell_nothing(
    late: MissedObjective, percentile: float, expected: Severity | None
) -> None:
    cause, subject = OF_LATENCIES[0], MissedObjectives([late], percentile)
    holds = all(sign.holds(subject) for sign in cause.must)
    assert (cause.assessment(subject).severity if holds else None) is expected
