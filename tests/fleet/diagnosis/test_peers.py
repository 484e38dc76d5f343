"""A replica against the others of its workload; and what looks like an odd one and is none."""

from __future__ import annotations

import random
import statistics
from array import array
from collections.abc import Mapping

import pytest

from fleet.diagnosis.incidents.evidence import explain
from fleet.diagnosis.signs.peers import OUTLIER, Slower
from fleet.model.frame import Column, Frame, FrameLists
from fleet.model.profile import CHAT
from tests.fleet.diagnosis.fleets import COOL, WELL, Fleet, Q, causes

SLOW = WELL | {Q.GENERATION_TOKENS: 200.0}


def test_a_replica_whose_requests_get_half_the_tokens_is_slow_after_ten_minutes() -> None:
    fleet = Fleet(5)
    fleet.engines["chat-2"] = SLOW
    assert fleet.incidents(0, 300)[0].state == "pending"
    (found,) = fleet.incidents(610)
    assert (found.root.cause, found.root.key, found.state) == ("replica-slow", "serving/chat-2", "firing")


def test_a_gpu_that_is_throttled_is_why() -> None:
    fleet = Fleet(5)
    fleet.engines["chat-2"] = SLOW
    fleet.reasons["GPU-chat-2"] = ("thermal (hardware)",)
    fleet.gpus["chat-2"] = COOL | {Q.THROTTLE: 0.9}
    (found,) = fleet.incidents(0, 610)
    assert found.root.cause == "gpu-throttled-by-hardware"
    assert "replica-slow" in [one.cause for one in found.symptoms]


@pytest.mark.parametrize(
    ("replicas", "slow"), [(2, ["chat-0"]), (4, ["chat-0", "chat-1"])], ids=["one of two", "half of them"]
)
def test_of_too_few_and_of_halves_nobody_is_the_odd_one(replicas: int, slow: list[str]) -> None:
    fleet = Fleet(replicas)
    fleet.engines |= dict.fromkeys(slow, SLOW)
    assert fleet.incidents(0, 700) == ()


def test_the_slow_ones_are_those_whose_score_among_their_peers_is_that_of_an_outlier() -> None:
    """Compares with the definition, which has no short cuts for workloads where nobody can be an outlier."""
    rng, found = random.Random(3), 0
    for _ in range(600):
        spread = rng.choice((0.0, 0.02, 0.1, 0.4))
        rates = [50 * rng.uniform(1 - spread, 1 + spread) for _ in range(rng.randrange(3, 12))]
        rates[0] *= rng.choice((1.0, 0.6, 0.4))
        frame = Frame.of(
            [str(at) for at in range(len(rates))],
            {
                Q.GENERATION_TOKENS: Column(array("d", (10 * rate for rate in rates))),
                Q.RUNNING: Column(array("d", [10.0] * len(rates))),
            },
            array("d", [0.0] * len(rates)),
            bytes(len(rates)),
        )
        middle = statistics.median(rates)
        deviation = statistics.median(abs(rate - middle) for rate in rates)
        slow = [at for at, rate in enumerate(rates) if rate < middle / 1.5]
        odd = [at for at in slow if not deviation or 0.6745 * (middle - rates[at]) / deviation > OUTLIER]
        expected = odd if 2 * len(slow) < len(rates) else []
        for numbers in (frame, FrameLists(frame)):
            assert [*Slower(1.5, 4.0).among(numbers, range(len(rates)), CHAT)] == expected
        found += bool(expected)
    assert 50 < found < 550


def test_a_replica_that_runs_a_single_request_is_not_compared() -> None:
    fleet = Fleet(4)
    fleet.engines["chat-0"] = WELL | {Q.RUNNING: 1.0, Q.GENERATION_TOKENS: 10.0}
    assert fleet.incidents(0, 700) == ()


def test_replicas_that_differ_as_they_always_do_are_all_well() -> None:
    fleet = Fleet(6)
    for i, name in enumerate(fleet.engines):
        fleet.engines[name] = WELL | {Q.GENERATION_TOKENS: 320.0 + 40 * i}
    assert fleet.incidents(0, 700) == ()


def test_requests_that_wait_in_one_replica_while_another_is_free_are_not_spread() -> None:
    fleet = Fleet(3)
    fleet.engines["chat-1"] = WELL | {Q.RUNNING: 30.0, Q.WAITING: 20.0, Q.GENERATION_TOKENS: 1500.0}
    (found,) = fleet.incidents(0, 310)
    assert (found.root.cause, found.root.key) == ("replica-overloaded", "serving/chat-1")


NO_REQUESTS = WELL | {Q.RUNNING: 0.0, Q.REQUESTS: 0.0, Q.GENERATION_TOKENS: 0.0}


def test_a_ready_replica_without_requests_among_busy_ones_is_named_after_five_minutes() -> None:
    fleet = Fleet(4)
    fleet.engines["chat-2"] = NO_REQUESTS
    assert fleet.incidents(0, 240)[0].state == "pending"
    (found,) = (snapshot := fleet.at(310)).incidents
    assert (found.root.cause, found.root.key, found.state) == ("replica-unused", "serving/chat-2", "firing")
    (seen,) = explain(snapshot, found.root).evidence
    assert seen.text.endswith("none here, the median of 4 replicas runs 8")


@pytest.mark.parametrize(
    ("replicas", "numbers", "others"),
    [
        (2, NO_REQUESTS, WELL),
        (4, NO_REQUESTS, WELL | {Q.RUNNING: 2.0}),
        (4, NO_REQUESTS | {Q.REQUESTS: 0.4}, WELL),
        (4, {key: value for key, value in NO_REQUESTS.items() if key is not Q.REQUESTS}, WELL),
        (4, NO_REQUESTS | {Q.SLEEP_LEVEL: 1.0}, WELL),
    ],
    ids=["of two", "few requests", "short requests", "finished ones are not known", "asleep"],
)
def test_one_without_requests_is_not_called_unused(
    replicas: int, numbers: Mapping[Q, float], others: Mapping[Q, float]
) -> None:
    fleet = Fleet(replicas)
    fleet.engines |= dict.fromkeys(fleet.engines, others) | {"chat-1": numbers}
    assert "replica-unused" not in causes(fleet.incidents(0, 700))


@pytest.mark.parametrize("kv", [0.9])
def test_where_the_others_are_full_too_it_is_capacity_and_not_routing(kv: float) -> None:
    fleet = Fleet(3)
    fleet.engines = dict.fromkeys(fleet.engines, WELL | {Q.KV_USAGE: kv})
    fleet.engines["chat-1"] = WELL | {Q.RUNNING: 30.0, Q.WAITING: 20.0, Q.GENERATION_TOKENS: 1500.0}
    assert "replica-overloaded" not in causes(fleet.incidents(0, 310))


def test_uneven_routing_without_a_queue_is_by_design() -> None:
    fleet = Fleet(3)
    fleet.engines["chat-1"] = WELL | {Q.RUNNING: 60.0, Q.GENERATION_TOKENS: 3000.0}
    assert fleet.incidents(0, 700) == ()
