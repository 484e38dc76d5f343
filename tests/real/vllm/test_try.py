"""A prompt to a real vLLM, and a benchmark of it: the report equals the server's own counts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from actions.kinds.local_bench import LocalBench
from actions.local.context import local_scope
from actions.local.executor import LocalExecutor
from actions.local.machine import Machine
from actions.local.prompt import ask
from actions.planning.plan import Verdict
from actions.planning.plan_context import Rules
from actions.request import LOCAL, LOCAL_SERVER, Target
from actions.running.progress import Result
from actions.running.runner import Runner
from fleet.local.benches import read_benches
from fleet.local.errors import LocalError
from fleet.local.record import ServerRecord, servers_folder
from fleet.local.server import Phase, ServerState, StartStage
from tests import plain

pytestmark = [pytest.mark.real("vllm"), pytest.mark.timeout(600)]

PROMPT, OUTPUT, REQUESTS = 48, 24, 8


def counted(engine: ServerRecord) -> dict[str, float]:
    """Return the server's counters: prompt tokens, generated tokens, finished requests."""
    names = {"prompt_tokens_total": "prompt", "generation_tokens_total": "generated", "request_success_total": "done"}
    totals = dict.fromkeys(names.values(), 0.0)
    for line in plain.get(f"{engine.spec.url}/metrics").text.splitlines():
        name = line.partition("{")[0].removeprefix("vllm:")
        if line.startswith("vllm:") and name in names:
            totals[names[name]] += float(line.rpartition(" ")[2])
    return totals


def since(engine: ServerRecord, before: dict[str, float]) -> dict[str, float]:
    return {name: value - before[name] for name, value in counted(engine).items()}


async def test_an_answer_has_as_many_tokens_as_the_server_counted(engine: ServerRecord) -> None:
    before = counted(engine)
    pieces = [piece async for piece in ask(engine, engine.spec.served, "the quick brown fox", tokens=40)]
    last = pieces[-1]
    assert since(engine, before)["generated"] == last.tokens
    assert len(pieces) > 5, "it comes token by token"
    assert last.done
    assert (last.stopped, last.tokens) == ("length", 40) or last.stopped == "stop"
    assert last.ttft is not None
    assert 0 < last.ttft < last.elapsed
    assert last.rate is not None
    assert last.rate == pytest.approx((last.tokens - 1) / (last.elapsed - last.ttft))
    assert all(len(a.text) <= len(b.text) for a, b in pairwise(pieces))


async def test_closing_it_ends_the_request_in_the_engine(engine: ServerRecord) -> None:
    answer = ask(engine, engine.spec.served, "the quick brown fox", tokens=900)
    await anext(answer)
    before = counted(engine)
    await answer.aclose()
    # The next one is answered to its end, which the first one never came to.
    async for _ in ask(engine, engine.spec.served, "and", tokens=2):
        pass
    assert since(engine, before)["generated"] < 900


async def test_what_it_refuses_is_said_in_its_words(engine: ServerRecord) -> None:
    for model, prompt, words in (("nope", "x", "does not serve nope"), (engine.spec.served, "fox " * 3000, "too long")):
        with pytest.raises(LocalError, match=words):
            async for _ in ask(engine, model, prompt, tokens=8):
                pass


class Servers:
    """The one server, and an audit log that keeps nothing."""

    def __init__(self, engine: ServerRecord) -> None:
        self._state = ServerState(engine, 0.0, StartStage(Phase.READY, 0.0))

    async def poll(self) -> tuple[ServerState, ...]:
        return (self._state,)

    def append(self, event: str, action: str, content: Mapping[str, Any]) -> None:
        """Nowhere."""

    def check(self) -> None:
        """Accept every write."""


async def test_a_benchmark_is_within_what_the_server_counted(engine: ServerRecord, tmp_path: Path) -> None:
    servers = Servers(engine)
    machine = Machine(tmp_path, os.environ, servers)
    scope = local_scope(os.getuid(), require_reason=False)
    runner = Runner(LocalExecutor(machine, scope, Rules(follow_timeout=300.0)), servers, settle=0)
    target = Target(LOCAL_SERVER, LOCAL, engine.name, engine.id)
    plan = await runner.executor.plan(LocalBench(target, (2,), PROMPT, OUTPUT, REQUESTS))
    assert {check.about: check.verdict for check in plan.checks} == dict.fromkeys(
        ("server", "tool", "sizes", "length", "others"), Verdict.PASS
    )
    before = counted(engine)
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.CONVERGED, outcome.text
    (bench,) = read_benches(servers_folder(tmp_path))
    seen = since(engine, before)
    # Earlier versions send one request more, to see whether they can.
    assert REQUESTS <= seen["done"] <= REQUESTS + 1
    assert seen["generated"] == seen["done"] * OUTPUT
    assert seen["prompt"] == pytest.approx(seen["done"] * PROMPT, rel=0.2)
    for level, concurrency in zip(bench.levels, (2,), strict=True):
        assert (level.concurrency, level.requests, level.failed) == (concurrency, REQUESTS, 0)
        assert level.output_rate == pytest.approx(REQUESTS * OUTPUT / level.duration, rel=0.01)
        assert level.requests_rate == pytest.approx(REQUESTS / level.duration, rel=0.01)
        percentiles = (level.ttft_p50, level.ttft_p95, level.ttft_p99, level.e2e_p50)
        assert all(value is not None and 0 < value < level.duration for value in percentiles)
        # On a busy machine the client reads several tokens at once: no more can be said of the gaps between them.
        assert level.itl_p99 is not None
        assert level.e2e_p99 is not None
        assert level.itl_p99 < level.e2e_p99
