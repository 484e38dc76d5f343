"""Two real vLLM servers side by side: how they load, what they say under load, how they end, what is left of them.

The tests stand in the order of the servers' lives: one of them is drained, then the other one is killed.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import shutil
import stat
import time
from collections.abc import AsyncIterator

import aiohttp
import psutil
import pytest

from actions.kinds.local_down import LocalDown
from actions.kinds.local_up import LocalUp
from actions.planning.plan import Verdict
from actions.request import LOCAL, LOCAL_SERVER, Target
from actions.running.progress import Result
from actions.running.runner import PlanRefusedError
from fleet.local.record import ServerRecord, read_records
from fleet.local.server import Phase, ServerState
from fleet.local.watch import Watcher
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from tests import plain
from tests.real.local_clients import PATIENCE, Answer, all_in, ask, clients, headers, said
from tests.real.local_console import console
from tests.real.local_servers import LOADS, ONE, SLOTS, TWO, Here
from tests.real.stage import quarterdeck
from tests.real.traces import Traces

pytestmark = [pytest.mark.real("vllm"), pytest.mark.timeout(600)]

REQUESTS, DRAINED = 12, 12
LONG = 60
"""Tokens of each request: several measurements see the same ones run and wait, and a slow machine ends the server
meanwhile. More of either only keeps a core busy: the engine computes each token."""


@pytest.fixture
async def watcher(here: Here) -> AsyncIterator[Watcher]:
    """A watcher that has just started: it knows only the records, the logs and the servers themselves."""
    watcher = Watcher(here.servers)
    yield watcher
    await watcher.close()


def bucket_of(buckets: list[tuple[float, float]], at: float) -> float:
    """The upper edge of the bucket that a value is in."""
    return next(edge for edge, _ in buckets if edge >= at)


def percentile(buckets: list[tuple[float, float]], q: float) -> float:
    """Return a percentile as Prometheus' histogram_quantile does: linear within a bucket."""
    rank, low, below = q * buckets[-1][1], 0.0, 0.0
    for edge, count in buckets:
        if count >= rank:
            return low + (edge - low) * (rank - below) / (count - below)
        low, below = edge, count
    raise AssertionError(buckets)


def numbers(snapshot: Snapshot, name: str, *quantities: Quantity) -> list[float]:
    return [snapshot.by_pod.value(f"{LOCAL}/{name}", quantity) for quantity in quantities]


async def test_both_are_seen_to_load_and_are_ready(here: Here, watcher: Watcher) -> None:
    assert here.outcome is not None
    assert here.outcome.result is Result.CONVERGED, here.outcome.text
    assert f"as tiny-{ONE}" in here.outcome.text
    assert any(text.startswith(("reading weights", "compiling")) for text in here.told)
    order = list(Phase)
    for name in (ONE, TWO):
        seen = here.seen[name]
        assert (seen[0], seen[-1]) == (Phase.STARTING, Phase.READY)
        assert seen == sorted(set(seen), key=order.index), "forwards only"
        assert set(seen) & set(LOADS)
        state = await here.server(watcher, name)
        assert state.models == (f"tiny-{name}",)
        stages = [each.phase for each in state.stages]
        assert stages == [Phase.STARTING, Phase.LOADING, Phase.COMPILING, Phase.READY]
        begun = [each.began for each in state.stages]
        assert begun == sorted(begun)
        loading = state.stages[1]
        shards = len(list(here.model(name).glob("*.safetensors")))
        assert (loading.done, loading.total) == (shards, shards)
    assert len(list(here.model(TWO).glob("*.safetensors"))) > 1


async def test_one_whose_terminal_went_away_in_the_middle_loads_on(here: Here, watcher: Watcher) -> None:
    assert here.hung_up in LOADS
    assert here.starter is not None
    starter = here.starter.process
    assert starter.returncode is not None
    assert starter.returncode < 0, "it was killed"
    state = await here.server(watcher, TWO)
    process = state.record.identity.process()
    assert process is not None
    assert os.getsid(process.pid) == process.pid != starter.pid
    assert process.terminal() is None
    assert state.stage.phase is Phase.READY
    assert state.record.ready is not None


async def test_the_key_is_needed_and_stands_in_its_file_alone(here: Here, watcher: Watcher) -> None:
    for name in (ONE, TWO):
        record = (await here.server(watcher, name)).record
        file = here.servers / name / "key"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        key = file.read_text().strip()
        assert len(key) > 20
        async with plain.client(timeout=60) as client:
            for path, body in (("models", None), ("completions", {"model": f"tiny-{name}", "prompt": "a"})):
                method = "GET" if body is None else "POST"
                url = f"{record.spec.url}/v1/{path}"
                assert (await client.request(method, url, json=body)).status_code == 401
                wrong = {"Authorization": "Bearer nope"}
                assert (await client.request(method, url, json=body, headers=wrong)).status_code == 401
                assert (await client.request(method, url, json=body, headers=headers(record))).status_code == 200
        # Record, log, audit, settings and every cache: all are below it.
        files = [path for path in here.root.rglob("*") if path.is_file()]
        assert any("audit" in str(path) for path in files)
        assert [path for path in files if key.encode() in path.read_bytes()] == [file]
        for process in psutil.process_iter():
            try:
                assert key not in " ".join(process.cmdline())
            except psutil.Error:
                continue
        assert here.starter is not None
        assert key not in here.starter.shown
        assert not any(key in text for text in here.told)
        assert key not in repr((here.plan, here.outcome))


async def test_the_console_tells_the_queue_and_percentiles_of_the_one_that_is_loaded(
    here: Here, watcher: Watcher
) -> None:
    record = (await here.server(watcher, ONE)).record
    before = await said(record)
    agreed, longest, before_that = 0, 0.0, REQUESTS
    async with console(here) as seen:
        await seen.measured_after(0.0)
        async with clients(record, REQUESTS, LONG) as sent:
            await all_in(record, before, REQUESTS)
            previous = None
            while outstanding := sent.outstanding:
                earlier = await said(record)
                snapshot = await seen.measured_after(time.time())
                later = await said(record)
                running, waiting = numbers(snapshot, ONE, Quantity.RUNNING, Quantity.WAITING)
                assert running <= SLOTS[ONE]
                # Its gauges are those of the engine's last step: what a client has whole since is still in them.
                assert running + waiting <= before_that
                before_that = outstanding
                assert numbers(snapshot, TWO, Quantity.RUNNING, Quantity.WAITING) == [0, 0]
                longest = max(longest, waiting)
                # They only get fewer. A measurement may have begun before it was waited for, but not before the one
                # before it had ended, and what was read before that one was read earlier still.
                if previous is not None:
                    assert later.waiting <= waiting <= previous.waiting
                    if previous.running == earlier.running == later.running and previous.waiting == later.waiting:
                        assert running == earlier.running
                    agreed += waiting > 0
                previous = earlier
                # A batch of requests is seen several times; without a pause, the engine would mostly answer scrapes.
                await asyncio.sleep(0.2)
            await sent.done()
        last = await seen.measured_after(time.time())
        after = await said(record)
    assert agreed
    assert longest > SLOTS[ONE]
    assert all(answer.whole for answer in sent.answers)
    buckets = [(edge, count - was) for (edge, count), (_, was) in zip(after.ttft, before.ttft, strict=True)]
    assert buckets[-1][1] == REQUESTS
    (p95,) = numbers(last, ONE, Quantity.TTFT_P95)
    assert p95 == pytest.approx(percentile(buckets, 0.95), rel=1e-6)
    # What a client waits for is the engine's time and the way there: never less, but for a bucket's width.
    firsts = sorted(answer.first for answer in sent.answers)
    assert 0 < p95 <= bucket_of(buckets, firsts[int(0.95 * REQUESTS)])
    assert all(map(math.isnan, numbers(last, TWO, Quantity.TTFT_P95)))


async def test_down_under_load_fails_no_request_and_leaves_nothing(here: Here, watcher: Watcher) -> None:
    record = (await here.server(watcher, ONE)).record
    led = record.identity.process()
    assert led is not None
    had = Traces.of([led, *led.children(recursive=True)])
    assert len(had.processes) > 1
    assert had.sockets
    assert record.spec.port in had.ports
    here.told.clear()
    before = await said(record)
    async with clients(record, DRAINED, LONG) as sent:
        await all_in(record, before, DRAINED)
        runner = here.runner(watcher)
        plan = await runner.executor.plan(LocalDown(Target(LOCAL_SERVER, LOCAL, ONE, record.id)))
        ending = runner.start(plan, "", "yes")
        await until(here, watcher, ONE, Phase.STOPPING)
        assert await refused(record)
        assert sent.outstanding > SLOTS[ONE], "it still had many"
        ends = Traces.of([led, *led.children(recursive=True)])
        await sent.done()
        outcome = await runner.wait(ending.id)
        await runner.close()
    assert outcome.result is Result.CONVERGED, outcome.text
    message = rf"{SLOTS[ONE]} running, \d+ waiting, \d+ s left for them"
    assert any(re.fullmatch(message, text) for text in here.told), here.told
    assert {(a.status, a.ended, a.tokens, a.whole) for a in sent.answers} == {(200, "length", LONG, True)}
    assert had.left() == ends.left() == []
    assert [state.name for state in await watcher.poll()] == [TWO]
    assert gone(record)
    assert {file.name for file in (here.servers / ONE).iterdir()} == {"log"}
    other = await here.server(watcher, TWO)
    assert (other.stage.phase, other.healthy) == (Phase.READY, True), "it has nothing to do with it"


async def until(here: Here, watcher: Watcher, name: str, phase: Phase) -> ServerState:
    """Wait for the server, and return it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            state = await here.server(watcher, name)
            if state.stage.phase is phase:
                return state
            # Its log is looked at: there is nothing to await but the next look.
            await asyncio.sleep(0.1)


async def refused(record: ServerRecord) -> bool:
    """True if a new request is not let in."""
    answer = Answer()
    async with aiohttp.ClientSession(headers=headers(record)) as client:
        try:
            await ask(client, record, answer, tokens=1)
        except aiohttp.ClientError:
            return True
    return answer.status >= 500


def gone(record: ServerRecord) -> bool:
    """True if the folder of its sockets is."""
    return bool(record.runtime) and not os.path.lexists(record.runtime)


async def test_one_that_is_killed_is_dead_with_its_reason_and_down_clears_what_is_left(
    here: Here, watcher: Watcher
) -> None:
    state = await here.server(watcher, TWO)
    led = state.record.identity.process()
    assert led is not None
    had = Traces.of([led, *led.children(recursive=True)])
    assert len(had.processes) > 2
    assert had.shared
    led.kill()
    state = await until(here, watcher, TWO, Phase.DEAD)
    assert state.reason is not None
    assert state.reason.id == "killed"
    assert "it was killed, by a person (kill -9) or by the kernel" in state.reason.text
    assert state.tail
    listed = await asyncio.to_thread(quarterdeck, "local", "ls", environ=here.environ)
    assert f"{TWO} died: it ended without a message: it was killed" in listed.stdout + listed.stderr
    _, outcome = await here.carried_out(watcher, LocalDown(Target(LOCAL_SERVER, LOCAL, TWO, state.record.id)))
    assert outcome.result is Result.CONVERGED, outcome.text
    assert had.left() == []
    assert gone(state.record)
    assert not any(process.cwd() == str(here.servers / TWO) for process in here.processes())
    assert TWO not in {state.name for state in await watcher.poll()}


async def test_a_model_that_lacks_a_shard_is_refused_before_anything_starts(here: Here, watcher: Watcher) -> None:
    broken = here.root / "broken"
    shutil.copytree(here.model(TWO), broken)
    missing = max(broken.glob("*.safetensors"))
    missing.unlink()
    spec = here.spec(TWO)
    runner = here.runner(watcher)
    asked = type(spec)("broken", str(broken), port=spec.port, env=spec.env)
    plan = await runner.executor.plan(LocalUp(Target(LOCAL_SERVER, LOCAL, "broken"), asked))
    assert plan.verdict is Verdict.BLOCK
    (blocked,) = plan.blocks
    assert missing.name in blocked.text
    with pytest.raises(PlanRefusedError):
        runner.start(plan, "", "yes")
    await runner.close()
    assert not (here.servers / "broken").exists()
    assert all(record.name != "broken" for record in read_records(here.servers)[0])
