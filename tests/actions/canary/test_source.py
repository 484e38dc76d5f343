"""The canary: its targets and their frequency, the answers that it keeps, and those that differ from their peers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from actions.canary.question import CanaryReply, CanaryTarget
from actions.canary.source import AT_ONCE, CanaryPlan, CanarySource
from fleet.model.canary import CanaryAnswer, CanaryOutcome
from fleet.model.objects import TEMPLATE_HASH, ModelVersion, Pod
from fleet.model.problem import NothingToAskError
from fleet.model.snapshot import Health
from fleet.sources.kube.state import KubeState
from fleet.sources.scrape.targets import Endpoint
from tests.fleet.rows import deployment, kube, node, pod
from tests.waiting import PATIENCE

PLAN = CanaryPlan(("serving/chat",), "1 2 3", every=60.0, timeout=5.0)
SEVEN = CanaryReply(CanaryOutcome.ANSWERED, 0.2, " 7")


def replicas(count: int = 3, **more: Any) -> list[Pod]:
    version = ModelVersion(model="llama", served_name="llama")
    fields = {"version": version, "labels": {TEMPLATE_HASH: "r1"}, **more}
    return [pod(f"chat-{i}", **{"ip": f"10.0.0.{i + 1}", **fields}) for i in range(count)]


def state(pods: list[Pod]) -> KubeState:
    return kube(pods, deployment(desired=len(pods)), [node("n0")])


class Engines:
    """Answers by address; counts how many are asked at once."""

    def __init__(self, replies: Mapping[str, CanaryReply] | None = None) -> None:
        self.said = dict(replies or {})
        self.asked: list[CanaryTarget] = []
        self.most = self._now = 0
        self.heard = asyncio.Event()
        """Set once three were asked."""

    async def __call__(self, place: CanaryTarget, prompt: str, seconds: float, /) -> CanaryReply:
        assert (prompt, seconds) == (PLAN.prompt, PLAN.timeout)
        self.asked.append(place)
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0)
        self._now -= 1
        if len(self.asked) == 3:
            self.heard.set()
        return self.said.get(place.base, SEVEN)


def at(number: int) -> str:
    return f"http://10.0.0.{number + 1}:8000"


async def test_each_engine_that_is_ready_is_asked_once_for_the_model_that_it_serves() -> None:
    pods = [*replicas(9), pod("chat-9", ip="10.0.0.99", ready=False, version=ModelVersion(model="llama"))]
    engines = Engines()
    source = CanarySource(PLAN, lambda: state(pods), ask=engines)
    found = await source.ask()
    assert sorted(place.base for place in engines.asked) == sorted(at(i) for i in range(9))
    assert {place.model for place in engines.asked} == {"llama"}
    assert engines.most <= AT_ONCE
    first = by_key(found)["serving/chat-0"]
    assert (first.outcome, first.seconds, first.said) == (CanaryOutcome.ANSWERED, 0.2, " 7")
    assert source.requests == 9
    assert source.notes[0] == "9 of 9 engines answered; 9 questions so far"
    await source.ask()
    assert source.notes[0] == "9 of 9 engines answered; 18 questions so far"


async def test_a_person_who_asks_for_new_numbers_asks_no_engine() -> None:
    engines = Engines()
    source = CanarySource(PLAN, lambda: state(replicas()), ask=engines, first=0.0)
    await source.start()
    await asyncio.wait_for(engines.heard.wait(), PATIENCE)
    source.refresh()
    source.refresh()
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(engines.asked) == 3
    await source.close()


async def test_a_command_that_looks_once_asks_nobody_and_does_not_wait() -> None:
    engines = Engines()
    source = CanarySource(PLAN, lambda: state(replicas()), ask=engines)
    await source.start()
    assert await source.wait_synced(PLAN.timeout)
    assert source.statuses()[0].health is Health.OFF, "nothing is wrong with who has asked nobody yet"
    await source.close()
    assert engines.asked == []


@pytest.mark.parametrize("named", [("batch/chat",), ("serving/chatty",), ("chat",)])
async def test_no_engine_is_asked_that_is_not_named(named: tuple[str, ...]) -> None:
    engines = Engines()
    source = CanarySource(replace(PLAN, workloads=named), lambda: state(replicas()), ask=engines)
    with pytest.raises(NothingToAskError):
        await source.ask()
    assert engines.asked == []


async def test_the_key_goes_to_the_engines_that_it_is_for() -> None:
    def key_of(endpoint: Endpoint) -> str:
        return "s3cret" if endpoint.pod.name == "chat-1" else ""

    engines = Engines()
    await CanarySource(PLAN, lambda: state(replicas()), key_of, engines).ask()
    assert {place.base: place.key for place in engines.asked} == {at(0): "", at(1): "s3cret", at(2): ""}


async def test_an_engine_that_speaks_tls_is_not_asked_and_that_is_said() -> None:
    pods = replicas(2)
    pods[1] = replace(pods[1], annotations={"prometheus.io/scheme": "https"})
    source = CanarySource(PLAN, lambda: state(pods), ask=Engines())
    assert [one.key for one in (await source.ask()).direct] == ["serving/chat-0"]
    assert "serving/chat-1: it uses TLS" in source.notes[1]


async def test_questions_that_come_to_nothing_are_counted_until_one_is_answered() -> None:
    engines = Engines({at(1): CanaryReply(CanaryOutcome.SILENT, problem="no answer within 5 s")})
    source = CanarySource(PLAN, lambda: state(replicas()), ask=engines)
    seen = [by_key(await source.ask())["serving/chat-1"].failures for _ in range(3)]
    assert seen == [1, 2, 3]
    assert "serving/chat-1: no answer within 5 s" in source.notes
    engines.said[at(1)] = CanaryReply(CanaryOutcome.REFUSED, problem="answers HTTP 401")
    assert by_key(await source.ask())["serving/chat-1"].failures == 0, "who is turned away has been heard"
    engines.said[at(1)] = SEVEN
    assert by_key(await source.ask())["serving/chat-1"].failures == 0


async def test_of_three_of_a_revision_the_one_that_says_otherwise_is_the_odd_one() -> None:
    other = CanaryReply(CanaryOutcome.ANSWERED, 0.2, " zq")
    engines = Engines({at(2): other})
    source = CanarySource(PLAN, lambda: state(replicas()), ask=engines)
    found = [by_key(await source.ask())["serving/chat-2"] for _ in range(3)]
    assert [(one.odd, one.usual) for one in found] == [(1, " 7"), (2, " 7"), (3, " 7")]
    assert by_key(await source.ask())["serving/chat-0"].odd == 0
    engines.said[at(2)] = SEVEN
    assert by_key(await source.ask())["serving/chat-2"].odd == 0


async def test_two_and_those_of_another_revision_are_no_peers() -> None:
    other = CanaryReply(CanaryOutcome.ANSWERED, 0.2, " zq")
    two = CanarySource(PLAN, lambda: state(replicas(2)), ask=Engines({at(1): other}))
    assert by_key(await two.ask())["serving/chat-1"].odd == 0
    pods = replicas(4)
    pods[3] = replace(pods[3], labels={TEMPLATE_HASH: "r2"})
    newer = CanarySource(PLAN, lambda: state(pods), ask=Engines({at(3): other}))
    assert by_key(await newer.ask())["serving/chat-3"].odd == 0
    split = CanarySource(PLAN, lambda: state(replicas(4)), ask=Engines({at(2): other, at(3): other}))
    assert {one.odd for one in (await split.ask()).direct} == {0}, "half against half: nobody knows which"


async def test_a_workload_with_a_gateway_is_asked_for_through_it_too() -> None:
    place = CanaryTarget("http://gateway", "", "k")
    engines = Engines({"http://gateway": CanaryReply(CanaryOutcome.FAILED, problem="answers HTTP 502")})
    plan = replace(PLAN, gateways={"serving/chat": lambda: place})
    source = CanarySource(plan, lambda: state(replicas()), ask=engines)
    (through,) = (await source.ask()).through
    assert (through.key, through.outcome, through.failures) == ("serving/Deployment/chat", CanaryOutcome.FAILED, 1)
    assert engines.asked[-1] == CanaryTarget("http://gateway", "llama", "k")
    assert source.requests == 4


def by_key(found: Any) -> dict[str, CanaryAnswer]:
    return {one.key: one for one in found.direct}
