"""Following a written template until the pods run it, replaced by the controller or by hand."""

from __future__ import annotations

from dataclasses import replace

from actions.follow.by_hand import follow_by_hand
from actions.follow.rollout import follow_rollout
from actions.number_words import count
from actions.planning.plan import Plan, Step
from actions.planning.surge import Rolling
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result


def waiting_step(rolling: Rolling) -> Step:
    """Return the step after the write."""
    if rolling.held and rolling.by_hand:
        return Step("wait until somebody has deleted its pods", rolling.words)
    if rolling.held:
        return Step("wait until its partition is lowered", rolling.words)
    if not rolling.replicas:
        return Step("nothing is replaced: it has no replicas")
    return Step(f"wait until {count(rolling.replaced, 'pod is', 'pods are')} replaced", rolling.words)


async def follow_template(plan: Plan, execution: ClusterExecution) -> Outcome:
    """Follow the plan's template. The plan's facts say what holds pods back (``held``), which must go then (``old``),
    and which stay (``keeping``).
    """
    if plan.facts["held"]:
        return await follow_by_hand(plan, execution, plan.facts["held"], plan.facts["old"])
    outcome = await follow_rollout(plan, execution, template=True)
    keeping = plan.facts["keeping"]
    if outcome.result is Result.CONVERGED and keeping:
        return replace(outcome, text=f"{outcome.text}; {keeping}")
    return outcome
