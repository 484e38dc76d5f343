"""Start a vLLM server on this machine."""

from __future__ import annotations

from dataclasses import replace

from actions.kinds.local_down import LocalDown
from actions.kinds.local_up import LocalUp
from actions.local.checks.launch import check_launch
from actions.local.context import LocalContext, LocalExecution
from actions.local.installation import installed
from actions.local.plan_parts import no_vllm
from actions.local.start import in_its_places, start, start_of, steps_of
from actions.planning.plan import Change, Check, Plan, Undo, Verdict
from actions.request import LOCAL, LOCAL_SERVER, Request, Target, expect
from actions.running.progress import Outcome


class LocalUpAction:
    async def plan(self, request: Request, context: LocalContext) -> Plan:
        asked, machine = expect(request, LocalUp), context.machine
        spec = in_its_places(asked.spec)
        found = await installed(machine.executable, machine.environ, machine.asking)
        looked = await check_launch(spec, machine, found, verify=asked.verify)
        mutation = start_of(spec, found or no_vllm(), machine, dict(looked.environment))
        target = Target(LOCAL_SERVER, LOCAL, spec.name, mutation.body["id"])
        return Plan(
            request=replace(asked, target=target, spec=spec),
            scope=context.scope,
            title=f"Start {spec.name}",
            made_at=context.now(),
            steps=steps_of(mutation, spec),
            checks=looked.checks or (Check("machine", Verdict.PASS, "no objections"),),
            changes=(Change(spec.name, "not running", f"{spec.served} at {spec.url}"),),
            tables=looked.tables,
            undo=Undo("stop it", LocalDown(target)),
        )

    async def execute(self, plan: Plan, execution: LocalExecution) -> Outcome:
        spec = expect(plan.request, LocalUp).spec
        (mutation,) = plan.steps[0].mutations
        return await start(spec, mutation, execution)
