"""A benchmark: its checks, its run, its result, and that nothing of it is left behind."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from actions.kinds.local_bench import LocalBench
from actions.local.bench import Tool, measure
from actions.local.bench_store import keep_bench
from actions.local.context import local_scope
from actions.local.executor import LocalExecutor
from actions.local.machine import Machine
from actions.planning.plan import Plan, Verdict
from actions.planning.plan_context import Rules
from actions.request import LOCAL, LOCAL_SERVER, Target
from actions.running.action_run import ActionRun
from actions.running.progress import Outcome, Progress, Result
from actions.running.runner import Runner
from fleet import guard
from fleet.local.benches import Bench, read_benches
from fleet.local.errors import LocalError
from fleet.local.record import ServerRecord, servers_folder
from fleet.local.server import Phase, ServerState
from tests.actions.local.bencher import Bencher, a_level, bencher
from tests.actions.local.engine import KEY, Engine, engine, metrics, models, record, state
from tests.waiting import PATIENCE

TARGET = Target(LOCAL_SERVER, LOCAL, "n1", "id-1")


class Stage:
    """A machine with one server, and a runner of its actions."""

    def __init__(self, folder: Path, server: ServerRecord) -> None:
        self.folder = folder
        self.state = state(server)
        self.environ: dict[str, str] = {"PATH": os.environ["PATH"]}
        self.audited: list[tuple[str, str, Mapping[str, Any]]] = []
        self.seen: list[ActionRun] = []
        self.changed: Callable[[ActionRun], None] = self.seen.append
        self.rule(Rules())

    def rule(self, rules: Rules) -> None:
        """Act by these rules from now on."""
        machine, scope = Machine(self.folder, self.environ, self), local_scope(os.getuid(), require_reason=False)
        self.runner = Runner(LocalExecutor(machine, scope, rules), self, changed=self._tell, settle=0)

    async def poll(self) -> tuple[ServerState, ...]:
        return (self.state,)

    def append(self, event: str, action: str, content: Mapping[str, Any]) -> None:
        self.audited.append((event, action, content))

    def check(self) -> None:
        """The audit log can be written."""

    def _tell(self, action_run: ActionRun) -> None:
        self.changed(action_run)

    async def plan(self, *concurrency: int, **more: Any) -> Plan:
        return await self.runner.executor.plan(LocalBench(TARGET, concurrency or (1, 2), **more))

    async def run(self, *concurrency: int, **more: Any) -> Outcome:
        plan = await self.plan(*concurrency, **more)
        return await self.runner.wait(self.runner.start(plan, "", "yes").id)

    @property
    def kept(self) -> tuple[Bench, ...]:
        return read_benches(servers_folder(self.folder))


@pytest.fixture
async def at() -> AsyncIterator[Engine]:
    async with engine() as found:
        found.answers |= {"/metrics": metrics(), "/v1/models": models()}
        yield found


@pytest.fixture
def stage_of(at: Engine, tmp_path: Path) -> Callable[..., tuple[Stage, Bencher]]:
    def make(**modes: str) -> tuple[Stage, Bencher]:
        vllm = bencher(tmp_path / "bin", **modes)
        server = record(tmp_path / "local" / "n1", at.port, executable=vllm.executable)
        return Stage(tmp_path, server), vllm

    return make


StageOf = Callable[..., tuple[Stage, Bencher]]


def verdicts(plan: Plan) -> dict[str, Verdict]:
    return {check.about: check.verdict for check in plan.checks}


def text_of(plan: Plan, about: str) -> str:
    return next(f"{check.text} {check.fix}" for check in plan.checks if check.about == about)


async def test_a_sweep_is_measured_level_by_level_and_kept(stage_of: StageOf) -> None:
    stage, vllm = stage_of()
    outcome = await stage.run(1, 4, prompt_tokens=64, output_tokens=16)
    assert outcome.result is Result.CONVERGED
    assert "1 at once: 100 tokens/s, TTFT p95 21 ms" in outcome.text
    (bench,) = stage.kept
    assert (bench.server, bench.model, bench.prompt_tokens, bench.output_tokens) == ("n1", "tiny", 64, 16)
    assert (bench.version, bench.cancelled) == ("0.32.0", False)
    assert [(level.concurrency, level.requests, level.failed) for level in bench.levels] == [(1, 8, 0), (4, 16, 0)]
    assert bench.levels[1].output_rate == 400.0
    assert bench.levels[0].ttft_p95 == pytest.approx(0.02095)
    assert bench.levels[0].itl_p99 == pytest.approx(0.00299)
    assert bench.levels[0].e2e_p50 == pytest.approx(0.2005)
    assert [event for event, _, _ in stage.audited][:2] == ["intent", "result"]
    assert vllm.folder.is_dir()


async def test_what_is_run_is_a_command_without_secrets(stage_of: StageOf, at: Engine) -> None:
    stage, vllm = stage_of()
    stage.environ |= {"OPENAI_API_KEY": "sk-mine", "HTTPS_PROXY": "http://proxy", "all_proxy": "http://proxy"}
    await stage.run(2, requests=5)
    (call,) = vllm.calls
    argv, env = call["argv"], call["env"]
    flags = {word: argv[i + 1] for i, word in enumerate(argv[:-1]) if word.startswith("--")}
    assert argv[:2] == ["bench", "serve"]
    assert flags["--base-url"] == f"http://127.0.0.1:{at.port}"
    assert (flags["--model"], flags["--served-model-name"]) == ("/models/tiny", "tiny")
    assert (flags["--random-input-len"], flags["--random-output-len"]) == ("256", "128")
    assert (flags["--num-prompts"], flags["--max-concurrency"]) == ("5", "2")
    assert "--ignore-eos" in argv
    assert env["OPENAI_API_KEY"] == KEY
    assert KEY not in " ".join(argv)
    assert KEY not in json.dumps(stage.audited, default=str)
    assert (env["HF_HUB_OFFLINE"], env["VLLM_NO_USAGE_STATS"]) == ("1", "1")
    assert not {"HTTPS_PROXY", "all_proxy"} & set(env)
    assert vllm.left == []


async def test_no_two_levels_send_the_same_prompts(stage_of: StageOf) -> None:
    stage, vllm = stage_of()
    await stage.run(1, 2)
    await stage.run(1)
    seeds = [call["argv"][call["argv"].index("--seed") + 1] for call in vllm.calls]
    assert len(set(seeds)) == 3


async def test_the_servers_tokenizer_is_used(tmp_path: Path, at: Engine) -> None:
    vllm = bencher(tmp_path / "bin")
    extra = ("--tokenizer", "/models/other", "--tokenizer-mode=mistral", "--trust-remote-code", "--max-num-seqs", "4")
    server = record(tmp_path / "local" / "n1", at.port, executable=vllm.executable, extra=extra)
    stage = Stage(tmp_path, server)
    await stage.run(1)
    argv = vllm.calls[0]["argv"]
    at_flag = argv.index("--tokenizer")
    assert argv[at_flag : at_flag + 5] == [
        "--tokenizer", "/models/other", "--tokenizer-mode", "mistral", "--trust-remote-code",
    ]  # fmt: skip
    assert "--max-num-seqs" not in argv
    assert stage.kept[0].arguments == extra


@pytest.mark.parametrize("mode", ["hang", "child"])
async def test_stopping_it_leaves_nothing_and_keeps_what_was_measured(stage_of: StageOf, mode: str) -> None:
    stage, vllm = stage_of(at_2=mode)
    half = asyncio.Event()
    steps: list[Progress] = []

    def changed(action_run: ActionRun) -> None:
        latest = action_run.latest
        if latest is not None and latest.step == 1 and latest.done:
            steps.append(latest)
            half.set()

    stage.changed = changed
    plan = await stage.plan(1, 2, 4)
    started = stage.runner.start(plan, "", "yes")
    await asyncio.wait_for(half.wait(), PATIENCE)
    assert (steps[0].text, steps[0].done, steps[0].total, steps[0].eta) == (
        "4 of 8 requests",
        4,
        8,
        2.0,
    )
    stage.runner.stop(started.id)
    outcome = await stage.runner.wait(started.id)
    assert outcome.result is Result.STOPPED
    assert "stopped after 1 of 3 levels" in outcome.text
    (bench,) = stage.kept
    assert bench.cancelled
    assert [level.concurrency for level in bench.levels] == [1]
    pids = [call["pid"] for call in vllm.calls]
    pids += [int((vllm.folder / "child").read_text())] if mode == "child" else []
    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
    assert vllm.left == []


async def test_it_has_a_time_limit(stage_of: StageOf) -> None:
    stage, vllm = stage_of(at_2="hang")
    stage.rule(Rules(follow_timeout=4.0))
    outcome = await stage.run(1, 2)
    assert outcome.result is Result.FAILED
    assert "took longer than 4 s" in outcome.text
    assert "1 at once: 100 tokens/s" in outcome.text
    assert stage.kept[0].cancelled
    assert not psutil.pid_exists(vllm.calls[-1]["pid"])


@pytest.mark.parametrize(
    ("expected", "words", "remedy"),
    [
        ("ImportError: Please install vllm[bench] for bench support", "vllm[bench]", "pip install pandas datasets"),
        ("ModuleNotFoundError: No module named 'pandas.core'", "lacks the package pandas", "pip install pandas"),
        ("usage: vllm\nvllm bench serve: error: unrecognized arguments: --x", "unrecognized arguments: --x", ""),
        ("Traceback\n  File y\nOSError: no such tokenizer\nbye", "OSError: no such tokenizer", ""),
        ("silence is golden", "failed with 1: silence is golden", ""),
    ],
)
async def test_what_goes_wrong_is_said(stage_of: StageOf, expected: str, words: str, remedy: str) -> None:
    stage, _ = stage_of(at_2=f"say:{expected}")
    outcome = await stage.run(2)
    assert outcome.result is Result.FAILED
    assert words in outcome.text
    assert "nothing was measured" in outcome.text
    assert remedy in outcome.remedy
    assert stage.kept == ()


async def test_no_numbers_are_no_success(stage_of: StageOf) -> None:
    stage, _ = stage_of(at_2="silent")
    outcome = await stage.run(2)
    assert (outcome.result, "ended without results" in outcome.text) == (Result.FAILED, True)


async def test_failed_requests_are_counted_and_all_of_them_are_a_failure(stage_of: StageOf) -> None:
    stage, _ = stage_of(at_1="3", at_2="8")
    outcome = await stage.run(1, 2)
    assert outcome.result is Result.FAILED
    assert "all 8 requests failed: aiohttp.ClientError: it hung up" in outcome.text
    assert "3 of 8 requests failed" in outcome.text
    assert [level.failed for level in stage.kept[0].levels] == [3]


async def test_the_change_since_the_last_one_is_told(stage_of: StageOf) -> None:
    stage, _ = stage_of()
    await stage.run(1)
    (bench,) = stage.kept
    slower = replace(bench, id="b0", at=bench.at - 60, version="0.31.0", levels=(a_level(output_rate=80.0),))
    other = replace(slower, id="b1", at=bench.at - 30, prompt_tokens=9)
    folder = servers_folder(stage.folder)
    (folder / "benches.jsonl").unlink()
    for each in (slower, other):
        keep_bench(folder, each)
    outcome = await stage.run(1)
    assert "1 at once: 100 tokens/s, TTFT p95 21 ms, ITL p95 3.0 ms (+25% since the last one)" in outcome.text
    assert "vLLM 0.31.0 then, 0.32.0 now" in outcome.text


@pytest.mark.parametrize("phase", [Phase.LOADING, Phase.DEAD, Phase.STOPPING])
async def test_only_a_ready_server_is_measured(stage_of: StageOf, phase: Phase, at: Engine) -> None:
    stage, _ = stage_of()
    stage.state = state(stage.state.record, phase)
    plan = await stage.plan()
    assert [check.about for check in plan.blocks] == ["server"]
    assert not at.asked


async def test_an_old_vllm_cannot_measure(stage_of: StageOf) -> None:
    stage, vllm = stage_of()
    (vllm.folder / "old").touch()
    plan = await stage.plan()
    assert [check.about for check in plan.blocks] == ["tool"]
    assert "0.9" in text_of(plan, "tool")


async def test_no_vllm_cannot_either(stage_of: StageOf) -> None:
    stage, vllm = stage_of()
    vllm.remove()
    stage.environ["PATH"] = str(vllm.folder)
    plan = await stage.plan()
    assert [check.about for check in plan.blocks] == ["tool"]


async def test_what_is_too_long_is_refused_before(stage_of: StageOf, at: Engine) -> None:
    stage, _ = stage_of()
    assert verdicts(await stage.plan(1, prompt_tokens=1000, output_tokens=24))["length"] is Verdict.PASS
    plan = await stage.plan(1, prompt_tokens=1000, output_tokens=25)
    assert [check.about for check in plan.blocks] == ["length"]
    assert "1024" in text_of(plan, "length")
    assert at.asked[0].headers["authorization"] == f"Bearer {KEY}"
    del at.answers["/v1/models"]
    assert verdicts(await stage.plan())["length"] is Verdict.WARN
    at.answers["/v1/models"] = models(longest=0)
    assert "does not report the maximum length" in text_of(await stage.plan(), "length")


async def test_requests_of_others_are_told(stage_of: StageOf, at: Engine) -> None:
    stage, _ = stage_of()
    assert verdicts(await stage.plan())["others"] is Verdict.PASS
    at.answers["/metrics"] = metrics(running=3, waiting=1)
    plan = await stage.plan()
    assert verdicts(plan)["others"] is Verdict.WARN
    assert "3 running and 1 waiting" in text_of(plan, "others")
    del at.answers["/metrics"]
    assert verdicts(await stage.plan())["others"] is Verdict.WARN


async def test_a_name_that_its_own_arguments_give_is_used(stage_of: StageOf, at: Engine) -> None:
    stage, vllm = stage_of()
    at.answers["/v1/models"] = models("chat")
    await stage.run(1)
    assert "chat" in vllm.calls[0]["argv"]
    assert stage.kept[0].model == "chat"


@pytest.mark.parametrize("sizes", [{"prompt_tokens": 0}, {"output_tokens": -1}, {"requests": -1}])
async def test_sizes_that_make_no_sweep_are_refused(stage_of: StageOf, sizes: dict[str, int]) -> None:
    stage, _ = stage_of()
    assert "sizes" in [check.about for check in (await stage.plan(1, **sizes)).blocks]
    assert "sizes" in [check.about for check in (await stage.plan(0)).blocks]


async def test_the_plan_says_what_will_be_sent_and_that_nothing_changes(stage_of: StageOf) -> None:
    stage, vllm = stage_of()
    plan = await stage.plan(1, 16, 16, prompt_tokens=64, output_tokens=8)
    assert [step.title for step in plan.steps] == ["1 at once", "16 at once"]
    assert "64 requests of 64 tokens and 8 of output" in plan.steps[1].detail
    assert plan.undo.request is None
    assert not plan.mutations
    assert not vllm.calls


async def test_read_only_starts_nothing(stage_of: StageOf) -> None:
    stage, vllm = stage_of()
    server = stage.state.record
    tool = Tool(vllm.executable, server, "tiny", 8, 8, 60.0)
    guard.lock()
    with pytest.raises(LocalError, match="read-only"):
        await measure(tool, 1, 8, 1, stage.environ, lambda _: None)
    assert not vllm.calls
