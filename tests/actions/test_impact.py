"""The load that the other replicas would carry, from the last ten minutes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from actions.checks.capacity import check_capacity
from actions.planning.impact import Impact, impacts, mean, serving
from actions.planning.plan import Verdict
from fleet.model.quantity import Quantity
from fleet.model.reading import Bound, Reading, State
from fleet.model.snapshot import Snapshot
from fleet.snapshot.history import RecentHistory
from tests.actions.pods import chat


def remembered(*running: float) -> Snapshot:
    """Three pods whose history was a step each, the latest last."""
    recorder = RecentHistory()
    for i, value in enumerate(running):
        cluster = chat(requests=value)
        snapshot = replace(cluster.snapshot, at=cluster.clock + 15 * i)
        view = recorder.record(snapshot.at, (snapshot.by_workload, snapshot.by_pod))
    return replace(snapshot, history=view)


def test_it_is_the_mean_of_ten_minutes_and_not_the_moment() -> None:
    snapshot = remembered(10.0, 20.0, 60.0)
    assert mean(snapshot, "serving/chat-0", Quantity.RUNNING) == 30.0
    (impact,) = impacts(snapshot, ["serving/chat-0"])
    assert (impact.requests, impact.requests_after) == (30.0, 45.0)
    long = remembered(*[1000.0] * 10, *[20.0] * 40)
    assert mean(long, "serving/chat-0", Quantity.RUNNING) == 20.0, "what is older has no say"


def test_who_is_not_ready_carries_nothing() -> None:
    cluster = chat()
    cluster.objects["Pod", "serving", "chat-2"]["status"]["conditions"][0]["status"] = "False"
    snapshot = cluster.settle().snapshot
    assert serving(snapshot, "serving/chat-70b") == ["serving/chat-0", "serving/chat-1"]
    assert impacts(snapshot, ["serving/chat-2"]) == ()
    (impact,) = impacts(snapshot, ["serving/chat-0"])
    assert (impact.replicas, impact.remaining) == (2, 1)


@pytest.mark.parametrize(
    ("kv", "verdict", "words"),
    [
        (0.5, Verdict.PASS, "KV 75% (now 50%)"),
        (0.62, Verdict.WARN, "no room for a burst"),
        (0.8, Verdict.WARN, "KV 120% (now 80%): queue grows about 1.0/s"),
        (math.nan, Verdict.WARN, "not measured"),
    ],
)
def test_a_cache_that_would_be_full_is_told(kv: float, verdict: Verdict, words: str) -> None:
    found = check_capacity([Impact("chat", 3, 2, 20.0, 30.0, kv, kv * 1.5, 6.0)])
    assert found.verdict is verdict
    assert words in found.text


@pytest.mark.parametrize(
    ("requests", "words"),
    [(8.0, "24 requests at a time"), (0.0, "almost no requests"), (math.nan, "its requests")],
)
def test_where_nobody_is_left_it_is_told_what_there_was(requests: float, words: str) -> None:
    found = check_capacity([Impact("chat", 3, 0, requests, math.nan, 0.5, math.nan, 6.0)])
    assert found.verdict is Verdict.WARN
    assert words in found.text


@pytest.mark.parametrize(
    ("waiting", "now", "ttft", "words"),
    [
        (1600.0, 1600.0, 75.0, "users wait already: 1600 requests in the queue, TTFT p95 1m15s"),
        (1600.0, 1600.0, math.nan, "1600 requests in the queue"),
        (0.0, 1600.0, 0.5, "1600 requests in the queue"),
        (72.0, 5.0, 0.5, "72 requests in the queue on average, 5 now"),
        (72.0, math.nan, 0.5, "72 requests in the queue"),
        (0.0, 0.0, 75.0, "TTFT p95 1m15s"),
        # No point within a bucket so broad: its edges.
        (0.0, 0.0, Reading(29.0, State.FRESH, bound=Bound.WITHIN, edge=40.0, low=20.0), "TTFT p95 20s to 40s"),
        (0.0, 0.0, Reading(60.0, State.FRESH, bound=Bound.AT_LEAST, edge=60.0), "TTFT p95 at least 1m"),
        (0.4, 3.0, 0.5, ""),
        (math.nan, math.nan, math.nan, ""),
    ],
)
@pytest.mark.parametrize("kv", [0.3, math.nan])
def test_users_who_wait_are_told_of_however_free_the_cache_is(
    waiting: float, now: float, ttft: float | Reading, words: str, kv: float
) -> None:
    first = ttft if isinstance(ttft, Reading) else Reading(ttft, State.FRESH)
    found = check_capacity([Impact("chat", 3, 2, 20.0, 30.0, kv, kv * 1.5, 6.0, waiting, now, first)])
    assert words in found.text
    assert (found.verdict is Verdict.WARN) is bool(words or math.isnan(kv))
    assert ("wait already" in found.text) is bool(words)


@pytest.mark.parametrize(("waiting", "verdict"), [(1600.0, Verdict.WARN), (0.0, Verdict.PASS)])
def test_who_waits_is_told_of_also_where_a_replacement_comes_first(waiting: float, verdict: Verdict) -> None:
    impact = Impact("chat", 3, 2, 20.0, 30.0, 0.95, 1.4, 6.0, waiting, waiting, Reading(0.5, State.FRESH))
    found = check_capacity([impact], ready=1, first=True)
    assert found.verdict is verdict
    assert "before its replacement is ready" in found.text
    assert "KV" not in found.text, "no capacity is lost"


def test_what_serves_no_model_is_not_said_to_be_not_ready() -> None:
    assert check_capacity([], ready=1).text == "it serves no model, so no load moves"
    assert check_capacity([]).text == "no ready replica is removed"
