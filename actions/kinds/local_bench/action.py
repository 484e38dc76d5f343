"""Measure a vLLM server on this machine under load."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Final

from actions.kinds.local_bench import LocalBench
from actions.local.bench import Tool, measure, requests_of
from actions.local.bench_checks import (
    check_lengths,
    check_others,
    check_ready,
    check_sizes,
    check_tool,
    look_at_models,
)
from actions.local.bench_output import Output
from actions.local.bench_store import keep_bench
from actions.local.context import LocalContext, LocalExecution
from actions.local.installation import installed
from actions.local.start import server_named
from actions.number_words import count
from actions.planning.plan import Plan, Step, Undo
from actions.request import LOCAL, LOCAL_SERVER, Request, Target, expect
from actions.running.progress import Outcome, Result
from fleet.local.benches import Bench, ConcurrencyLevel, read_benches
from fleet.local.comparison import compare, latest_comparable
from fleet.local.errors import LocalError
from fleet.local.record import ServerRecord, servers_folder
from fleet.local.server import Phase, ServerState
from fleet.model.counting import share

_ADDRESS: Final = frozenset({"--host", "--port"})


class LocalBenchAction:
    async def plan(self, request: Request, context: LocalContext) -> Plan:
        asked, machine = expect(request, LocalBench), context.machine
        asked = replace(asked, concurrency=tuple(dict.fromkeys(asked.concurrency)))
        state = await server_named(machine, asked.target.name, asked.target.uid)
        record = state.record
        # The vLLM that serves it knows its tokenizer; if it is gone, another one may.
        tool = await installed(record.argv[0], machine.environ, machine.asking)
        tool = tool or await installed(machine.executable, machine.environ, machine.asking)
        models = await look_at_models(state)
        served = _served(record, [] if isinstance(models, LocalError) else [model.name for model in models])
        checks = [check_ready(state), check_tool(tool), check_sizes(asked)]
        if state.stage.phase is Phase.READY:
            checks += [check_lengths(asked, models, served), await check_others(state)]
        return Plan(
            request=replace(asked, target=Target(LOCAL_SERVER, LOCAL, record.name, record.id)),
            scope=context.scope,
            title=f"Benchmark {record.name}",
            made_at=context.now(),
            steps=tuple(_step(asked, concurrency) for concurrency in asked.concurrency),
            checks=tuple(checks),
            undo=Undo("nothing to undo: it changes nothing"),
            facts={"executable": tool.executable if tool else "", "served": served},
        )

    async def execute(self, plan: Plan, execution: LocalExecution) -> Outcome:
        """Measure. Results are kept, also of a benchmark that was stopped or failed on the way."""
        asked = expect(plan.request, LocalBench)
        state = await server_named(execution.machine, plan.target.name, plan.target.uid)
        bench = _new_bench(plan, state, execution.now())
        levels: list[ConcurrencyLevel] = []
        problem: LocalError | None = None
        stopped = False
        try:
            await _sweep(plan, state.record, levels, execution)
        except LocalError as error:
            problem = error
        except asyncio.CancelledError:
            # Ended here and not by the runner: the results so far are kept and reported.
            stopped = True
        bench = replace(bench, levels=tuple(levels), cancelled=len(levels) < len(asked.concurrency))
        saved = await asyncio.shield(asyncio.to_thread(_keep, servers_folder(execution.machine.state), bench))
        if problem is not None:
            return Outcome(Result.FAILED, f"{problem.message}\n{saved}", problem.remedy)
        if stopped:
            of = f"{len(levels)} of {count(len(asked.concurrency), 'level')}"
            return Outcome(Result.STOPPED, f"stopped after {of}\n{saved}")
        return Outcome(Result.CONVERGED, saved)


async def _sweep(plan: Plan, record: ServerRecord, levels: list[ConcurrencyLevel], execution: LocalExecution) -> None:
    """Measure level after level into ``levels``. Raises LocalError."""
    asked = expect(plan.request, LocalBench)
    tool = Tool(
        plan.facts["executable"],
        record,
        plan.facts["served"],
        asked.prompt_tokens,
        asked.output_tokens,
        execution.rules.follow_timeout,
    )
    for index, concurrency in enumerate(asked.concurrency):
        execution.step(index)
        execution.say("starting vllm bench serve")
        requests = requests_of(asked, concurrency)
        seed = (int(plan.id, 16) + index) % 2**31
        level = await measure(
            tool, concurrency, requests, seed, execution.machine.environ, lambda out: _report_progress(out, execution)
        )
        levels.append(level)
        execution.say(_level_words(level), requests, requests)


def _report_progress(output: Output, execution: LocalExecution) -> None:
    if output.total:
        execution.say(f"{share(output.done, output.total, 'request')}", output.done, output.total, output.left)


def _step(asked: LocalBench, concurrency: int) -> Step:
    requests = count(requests_of(asked, concurrency), "request")
    detail = f"{requests} of {asked.prompt_tokens} tokens and {asked.output_tokens} of output; vllm bench serve"
    return Step(f"{concurrency} at once", detail)


def _served(record: ServerRecord, listed: list[str]) -> str:
    """The name that requests use: its own arguments may have named it where this program does not look."""
    return record.spec.served if record.spec.served in listed or not listed else listed[0]


def _new_bench(plan: Plan, state: ServerState, at: float) -> Bench:
    asked, record = expect(plan.request, LocalBench), state.record
    return Bench(
        plan.id,
        record.name,
        plan.facts["served"],
        at,
        asked.prompt_tokens,
        asked.output_tokens,
        (),
        record.version,
        _arguments(record.argv),
    )


def _arguments(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the arguments without executable, ``serve``, model, host and port."""
    words = argv[3:]
    return tuple(
        word for at, word in enumerate(words) if word not in _ADDRESS and (at == 0 or words[at - 1] not in _ADDRESS)
    )


def _keep(folder: Path, bench: Bench) -> str:
    """Store the measurement, and return it in words. Numbers that cannot be stored are returned all the same."""
    if not bench.levels:
        return "nothing was measured"
    try:
        earlier = latest_comparable(bench, read_benches(folder))
        keep_bench(folder, bench)
    except LocalError as error:
        return f"{_summary(bench, None)}\n{error.message}: these results were not saved"
    except OSError as error:
        return f"{_summary(bench, None)}\nearlier benchmarks cannot be read: {error.strerror or error}"
    return _summary(bench, earlier)


def _summary(bench: Bench, earlier: Bench | None) -> str:
    """Return the numbers, and the change since the last time."""
    known = compare(bench, earlier) if earlier is not None else None
    changed = {each.concurrency: each.ratios.get("output_rate") for each in known.differences} if known else {}
    lines = []
    for level in bench.levels:
        ratio = changed.get(level.concurrency)
        since = f" ({ratio:+.0%} since the last one)" if ratio is not None else ""
        lines.append(f"{level.concurrency} at once: {_level_words(level)}{since}")
    return "\n".join([*lines, *(known.circumstances if known else ())])


def _level_words(level: ConcurrencyLevel) -> str:
    ttft = f", TTFT p95 {level.ttft_p95 * 1000:.0f} ms" if level.ttft_p95 is not None else ""
    itl = f", ITL p95 {level.itl_p95 * 1000:.1f} ms" if level.itl_p95 is not None else ""
    failed = f", {share(level.failed, level.requests, 'request')} failed" if level.failed else ""
    return f"{level.output_rate:.0f} tokens/s{ttft}{itl}{failed}"
