"""The page on why something is slow names the replicas that hang: no histogram has their requests."""

from __future__ import annotations

import json

import pytest

from console.report.why import to_json
from console.views.why import sentence
from fleet.latency.report import latency_report
from tests.fleet.diagnosis.fleets import CHAT, STUCK, WELL, Fleet, Q

USUAL = WELL | {Q.QUEUE_MEAN: 0.1, Q.PREFILL_MEAN: 0.2, Q.DECODE_MEAN: 4.0}


def fleet() -> Fleet:
    made = Fleet(4)
    made.engines = dict.fromkeys(made.engines, USUAL)
    return made


def test_a_replica_that_hangs_is_named_before_the_time_of_the_others() -> None:
    made = fleet()
    made.engines["chat-1"] = STUCK
    report = latency_report(made.at(0), CHAT)
    assert (
        sentence(report) == "chat-1 hangs: 8 requests get no token. Of the others, decode takes 4.00s of 4.30s (93%)."
    )
    assert json.loads(to_json(made.at(1), report))["hung"] == [{"pod": "serving/chat-1", "requests": 8.0}]


def test_several_are_counted_and_the_one_with_the_most_requests_is_named() -> None:
    made = fleet()
    made.engines |= {"chat-1": STUCK, "chat-3": STUCK | {Q.WAITING: 20.0}}
    assert sentence(latency_report(made.at(0), CHAT)).startswith(
        "chat-3 and 1 other replica hang: 36 requests get no token."
    )


def test_of_the_pod_itself_there_is_no_time_to_tell() -> None:
    made = fleet()
    made.engines["chat-1"] = STUCK
    assert sentence(latency_report(made.at(0), "serving/chat-1")) == "chat-1 hangs: 8 requests get no token."


@pytest.mark.parametrize(
    "numbers",
    [
        USUAL,
        STUCK | {Q.RUNNING: 0.0},
        STUCK | {Q.LATEST_TOKENS: 30.0},
        WELL | {Q.LATEST_TOKENS: 0.0, Q.RUNNING: 1.0},
    ],
)
def test_what_is_idle_moves_or_reads_one_long_prompt_does_not_hang(numbers: dict[Q, float]) -> None:
    made = fleet()
    made.engines["chat-1"] = numbers
    assert latency_report(made.at(0), CHAT).hung == ()
