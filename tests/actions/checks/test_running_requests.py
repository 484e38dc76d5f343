"""The requests that a drain would cut off, and the sentence about them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.checks import running_requests
from actions.checks.running_requests import check_running
from actions.drain.inspect import Inspection
from actions.drain.options import AtDeadline, Method
from actions.drain.unit import DrainUnit
from actions.drain.wait import Terms
from actions.planning.plan import Verdict
from tests.actions.pods import PodCluster, chat

CUT, STAY = AtDeadline.EVICT, AtDeadline.STOP


async def units(cluster: PodCluster, *names: str) -> list[DrainUnit]:
    """Return the pods to drain, as the drain is given them."""
    inspection = Inspection(cluster.context())
    return [await inspection.unit(cluster.get("Pod", "serving", name)) for name in names]


@pytest.mark.parametrize(
    ("requests", "rate", "terms", "verdict", "words"),
    [
        (0.0, 5.0, Terms(300.0, CUT), Verdict.PASS, "none now"),
        (20.0, 5.0, Terms(300.0, CUT), Verdict.PASS, "20 requests: about 4s at the current rate, at most 5m"),
        (20.0, 0.0, Terms(300.0, CUT), Verdict.PASS, "20 requests: their rate of completion is not known, at most 5m"),
        (100.0, 5.0, Terms(10.0, CUT), Verdict.WARN, "100 requests: about 50 of them would be aborted after 10s"),
        (100.0, 5.0, Terms(10.0, STAY), Verdict.WARN, "about 50 of them would still run, and the drain stops there"),
    ],
)
async def test_it_is_reckoned_from_the_rate_at_which_they_end(
    requests: float, rate: float, terms: Terms, verdict: Verdict, words: str
) -> None:
    cluster = chat(requests=requests)
    cluster.rate = rate
    found = check_running(cluster.settle().snapshot, await units(cluster, "chat-0"), terms)
    assert found.verdict is verdict
    assert words in found.text


async def test_of_several_the_slowest_is_told_and_all_are_counted() -> None:
    cluster = chat(requests=10.0)
    cluster.requests["chat-1"] = 50.0
    cluster.settle()
    found = check_running(cluster.snapshot, await units(cluster, "chat-0", "chat-1"), Terms(300.0, CUT))
    assert found.text == "60 requests: about 10s at the current rate, at most 5m"


async def test_who_is_evicted_at_once_and_who_goes_on_getting_requests_is_a_warning() -> None:
    cluster = chat()
    (unit,) = await units(cluster, "chat-0")
    at_once = replace(unit, strategy=replace(unit.strategy, method=Method.EVICT, labels={}, waits=False))
    found = check_running(cluster.snapshot, [at_once], Terms(300.0, CUT))
    assert (found.verdict, found.text.partition(":")[0]) == (Verdict.WARN, "20 requests on chat-0")
    kept = replace(unit, strategy=replace(unit.strategy, kept=("InferencePool chat",)))
    found = check_running(cluster.snapshot, [kept], Terms(300.0, CUT))
    assert found.text == "InferencePool chat continues to send requests to chat-0"


async def test_what_serves_nothing_has_nothing_to_cut() -> None:
    cluster = chat()
    cluster.objects["Pod", "serving", "chat-0"]["status"]["conditions"][0]["status"] = "False"
    cluster.settle()
    found = check_running(cluster.snapshot, await units(cluster, "chat-0"), Terms(300.0, CUT))
    assert (found.verdict, found.text) == (Verdict.PASS, "nothing is sent to it")


PAIR = ("chat-0", "chat-1")


@pytest.mark.parametrize(
    ("names", "terms", "end", "remedy"),
    [
        (
            ("chat-0",),
            Terms(300.0, CUT),
            "it hangs, and waiting will not finish them; they are aborted after 5m",
            "a short deadline",
        ),
        (
            ("chat-0",),
            Terms(10.0, CUT),
            "it hangs, and waiting will not finish them; they are aborted after 10s",
            "",
        ),
        (
            ("chat-0", "chat-1"),
            Terms(60.0, STAY),
            "they hang, and waiting will not finish them; the drain stops after 1m",
            "a short deadline",
        ),
    ],
)
async def test_of_engines_that_hang_it_says_what_the_deadline_does(
    names: tuple[str, ...], terms: Terms, end: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = chat(requests=20.0)
    monkeypatch.setattr(running_requests, "_is_stuck", lambda _snapshot, _unit: True)
    found = check_running(cluster.settle().snapshot, await units(cluster, *names), terms)
    assert found.text == f"no tokens come from {', '.join(names)} while requests run: {end}"
    assert found.fix == remedy
