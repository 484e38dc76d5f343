"""Take a vLLM server on this machine down."""

from __future__ import annotations

from dataclasses import replace

from actions.kinds.local_down import LocalDown
from actions.kinds.local_up import LocalUp
from actions.local.context import LocalContext, LocalExecution
from actions.local.plan_parts import check_owner, check_running
from actions.local.start import server_named
from actions.local.stop import finish, steps_of
from actions.planning.plan import Change, Plan, Undo
from actions.request import LOCAL, LOCAL_SERVER, Request, Target, expect
from actions.running.progress import Outcome, Result


class LocalDownAction:
    async def plan(self, request: Request, context: LocalContext) -> Plan:
        asked, machine = expect(request, LocalDown), context.machine
        state = await server_named(machine, asked.target.name, asked.target.uid)
        record = state.record
        grace = machine.grace if asked.grace is None else asked.grace
        target = Target(LOCAL_SERVER, LOCAL, record.name, record.id)
        return Plan(
            request=replace(asked, target=target, grace=grace),
            scope=context.scope,
            title=f"Take {record.name} down",
            made_at=context.now(),
            steps=steps_of(record, grace),
            checks=(check_owner(state), await check_running(state, grace)),
            changes=(Change(record.name, f"{state.stage.phase.value} at {record.spec.url}", "not running"),),
            undo=Undo(
                "start it again with the same arguments",
                LocalUp(Target(LOCAL_SERVER, LOCAL, record.name), record.spec),
            ),
        )

    async def execute(self, plan: Plan, execution: LocalExecution) -> Outcome:
        asked = expect(plan.request, LocalDown)
        state = await server_named(execution.machine, plan.target.name, plan.target.uid)
        grace = execution.machine.grace if asked.grace is None else asked.grace
        ended = await finish(state, grace, execution)
        text = "it is down; no process, shared memory, socket or temporary file of it remains"
        return ended.failed or Outcome(Result.CONVERGED, "\n".join([text, *ended.remarks]))
