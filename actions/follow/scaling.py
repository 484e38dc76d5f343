"""Waiting until an autoscaler has scaled its workload, and the pods have followed."""

from __future__ import annotations

from collections.abc import Callable

from actions.follow.rollout import follow_rollout
from actions.number_words import span
from actions.planning.plan import Plan
from actions.request import Target
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.sources.kube.errors import NotFoundError

_SYNC = 120.0
"""Seconds within which an autoscaler must have acted: eight times the interval of the HPA controller (15 s), and four
of KEDA's polls (30 s).
"""


async def follow_autoscaler(
    plan: Plan, execution: ClusterExecution, workload: Target, wanted: Callable[[int], bool]
) -> Outcome:
    """Wait until the replicas in the workload's spec are ``wanted``, then until they are ready."""
    replicas: int | None = None

    async def moved() -> bool:
        nonlocal replicas
        obj = await execution.reads.get_raw(workload.kind, workload.namespace, workload.name)
        replicas = int((obj.get("spec") or {}).get("replicas", 1))
        execution.say(f"{workload} wants {replicas}")
        return wanted(replicas)

    limit = min(_SYNC, execution.rules.follow_timeout)
    try:
        if not await execution.until(moved, limit):
            return Outcome(
                Result.TIMED_OUT,
                f"{workload} still wants {replicas} after {span(limit)}",
                "check the autoscaler's conditions and events; the change stays",
            )
        return await follow_rollout(plan, execution, target=workload)
    except NotFoundError:
        return Outcome(Result.CONVERGED, f"the change was made; {workload}, which it scales, does not exist")
