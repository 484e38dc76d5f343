"""Take a vLLM server on this machine down and start it again, optionally with other arguments."""

from __future__ import annotations

import asyncio
import difflib
from dataclasses import replace
from pathlib import Path

from actions.kinds.local_restart import LocalRestart
from actions.local.checks.launch import check_launch
from actions.local.context import LocalContext, LocalExecution
from actions.local.installation import installed
from actions.local.plan_parts import check_owner, check_running, no_vllm
from actions.local.spec_changes import changes
from actions.local.start import in_its_places, server_named, start, start_of
from actions.local.start import steps_of as steps_up
from actions.local.stop import finish
from actions.local.stop import steps_of as steps_down
from actions.local.store import unmasked
from actions.planning.plan import Change, Plan, Undo
from actions.request import LOCAL, LOCAL_SERVER, Request, Target, expect
from actions.running.progress import Outcome, Result


class LocalRestartAction:
    async def plan(self, request: Request, context: LocalContext) -> Plan:
        asked, machine = expect(request, LocalRestart), context.machine
        state = await server_named(machine, asked.target.name, asked.target.uid)
        record, grace = state.record, machine.grace if asked.grace is None else asked.grace
        spec = in_its_places(replace(asked.spec, name=record.name))
        found = await installed(machine.executable, machine.environ, machine.asking)
        looked = await check_launch(spec, machine, found, instead_of=record, verify=asked.verify)
        mutation = start_of(spec, found or no_vllm(), machine, dict(looked.environment))
        target = Target(LOCAL_SERVER, LOCAL, record.name, record.id)
        changed = changes(record.spec, spec)
        same = Change("arguments", "unchanged", "the same")
        return Plan(
            request=replace(asked, target=target, spec=spec, grace=grace),
            scope=context.scope,
            title=f"Restart {record.name}",
            made_at=context.now(),
            steps=(*steps_down(record, grace), *steps_up(mutation, spec)),
            checks=(check_owner(state), await check_running(state, grace), *looked.checks),
            changes=changed or (same,),
            tables=looked.tables,
            diff=_diff(record.argv, tuple(mutation.body["argv"])),
            undo=Undo(
                "restart it with its present arguments",
                LocalRestart(Target(LOCAL_SERVER, LOCAL, record.name), record.spec, grace),
            ),
        )

    async def execute(self, plan: Plan, execution: LocalExecution) -> Outcome:
        asked = expect(plan.request, LocalRestart)
        state = await server_named(execution.machine, plan.target.name, plan.target.uid)
        grace = execution.machine.grace if asked.grace is None else asked.grace
        first = len(steps_down(state.record, grace))
        (mutation,) = plan.steps[first].mutations
        # Before its secrets are deleted: clients keep using its key.
        spec = await asyncio.to_thread(unmasked, Path(state.record.folder), asked.spec)
        ended = await finish(state, grace, execution)
        if ended.failed is not None and ended.failed.result is Result.STOPPED:
            remedy = f"quarterdeck local restart {state.name}, or local up, starts it again"
            return replace(ended.failed, text=f"{ended.failed.text}; it was not restarted", remedy=remedy)
        if ended.failed is not None:
            return ended.failed
        outcome = await start(spec, mutation, execution, first)
        return replace(outcome, text="\n".join([outcome.text, *ended.remarks]))


def _diff(before: tuple[str, ...], after: tuple[str, ...]) -> str:
    """Return the difference of the two command lines, a flag with its value in each line."""
    return "\n".join(difflib.unified_diff(_flags(before), _flags(after), "runs", "will run", lineterm=""))


def _flags(argv: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    for word in argv:
        if word.startswith("-") or not lines:
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return lines
