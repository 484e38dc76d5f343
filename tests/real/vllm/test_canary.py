"""The canary and a real vLLM: one token is generated, the same each time, and the server's own counters say so."""

from __future__ import annotations

import pytest

from actions.canary.question import CanaryTarget, ask_one_token
from actions.canary.source import CanaryPlan, CanarySource
from fleet.local.record import ServerRecord
from fleet.model.canary import CanaryOutcome
from fleet.model.objects import ModelVersion
from tests import plain
from tests.fleet.rows import deployment, kube, node, pod

pytestmark = [pytest.mark.real("vllm"), pytest.mark.timeout(600)]


def place(engine: ServerRecord, model: str) -> CanaryTarget:
    return CanaryTarget(engine.spec.url, model, engine.key)


def generated(engine: ServerRecord) -> float:
    lines = plain.get(f"{engine.spec.url}/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("vllm:generation_tokens_total"))


async def test_it_is_one_token_and_the_same_each_time(engine: ServerRecord) -> None:
    before = generated(engine)
    heard = [await ask_one_token(place(engine, engine.spec.served), "1 2 3 4 5 6", 60.0) for _ in range(3)]
    assert {one.outcome for one in heard} == {CanaryOutcome.ANSWERED}
    assert len({one.text for one in heard}) == 1
    assert all(one.seconds is not None and 0 < one.seconds < 60 for one in heard)
    assert generated(engine) - before == 3


async def test_a_model_that_it_does_not_serve_turns_the_question_away(engine: ServerRecord) -> None:
    heard = await ask_one_token(place(engine, "other"), "1", 60.0)
    assert (heard.outcome, heard.problem) == (CanaryOutcome.REFUSED, "answers HTTP 404")


async def test_a_pod_at_its_address_is_asked_for_the_model_that_it_serves(engine: ServerRecord) -> None:
    one = pod("chat-0", ip="127.0.0.1", version=ModelVersion(model="x", served_name=engine.spec.served))
    state = kube([one], deployment(desired=1), [node("n0")])
    plan = CanaryPlan(("serving/chat",), "1 2 3 4 5 6", 60.0, 60.0, ports=(engine.spec.port,))
    (answer,) = (await CanarySource(plan, lambda: state, key_of=lambda _: engine.key).ask()).direct
    assert (answer.key, answer.outcome) == ("serving/chat-0", CanaryOutcome.ANSWERED)
