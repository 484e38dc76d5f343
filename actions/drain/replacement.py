"""Waiting for the replacement of a removed pod."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from actions.drain.replicas import ready_of
from actions.drain.unit import DrainUnit
from actions.follow.cold_starts import starting
from actions.kubeobj import controller_of, is_ready, written
from actions.number_words import span
from actions.request import Target
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.model.counting import share
from fleet.sources.kube.errors import NotFoundError

_LOOKS = 2
"""Consecutive checks: the first may see a status from before the pod was gone."""


async def pods_of(unit: DrainUnit, execution: ClusterExecution) -> dict[str, bool]:
    """The pods that the unit's controller has now: uid → whether it is ready. Raises KubeError."""
    if unit.controller is None:
        return {}
    found = await execution.reads.list_raw("Pod", unit.front.namespace, written(unit.selector))
    mine = (pod for pod in found if (controller_of(pod) or ("", "", ""))[2] == unit.controller.uid)
    return {str(pod["metadata"]["uid"]): is_ready(pod) for pod in mine}


async def follow_first(unit: DrainUnit, known: AbstractSet[str], execution: ClusterExecution) -> Outcome | None:
    """Wait until the controller has a ready pod that is not in ``known``; return an Outcome if it gets none in time."""

    async def there() -> bool:
        new = [ready for uid, ready in (await pods_of(unit, execution)).items() if uid not in known]
        _say(execution, unit.workload, "starts" if new else "is not there yet")
        return any(new)

    limit = execution.rules.follow_timeout
    if await execution.until(there, limit):
        return None
    return Outcome(
        Result.TIMED_OUT,
        f"no replacement is ready after {span(limit)}; {unit.name} still serves",
        "undo gives it back to its ReplicaSet, which then ends the surplus pod",
    )


async def follow_replacement(unit: DrainUnit, execution: ClusterExecution) -> Outcome | None:
    """Wait until another pod is ready in its place, beside those ready before; return an Outcome if none is in time.

    If the workload is scaled down meanwhile, fewer are expected.
    """
    if not unit.replaced:
        return None
    now, wanted, in_a_row, deleted = 0, unit.ready, 0, False

    async def ready() -> bool:
        nonlocal now, wanted, in_a_row, deleted
        try:
            now, desired = await ready_of(unit, execution.reads)
        except NotFoundError:
            deleted = True
            return True
        wanted = unit.ready if desired is None else min(unit.ready, desired)
        _say(execution, unit.workload, f"ready: {share(now, wanted, 'replica')}", now, wanted)
        in_a_row = in_a_row + 1 if now >= wanted else 0
        return in_a_row >= _LOOKS

    limit = execution.rules.follow_timeout
    if await execution.until(ready, limit):
        if not deleted:
            return None
        text = f"{unit.name} is gone, and {unit.keeper} was deleted meanwhile: it starts no replacement"
        return Outcome(Result.FAILED, text, "no other pod was changed: find out who deleted it")
    return Outcome(
        Result.TIMED_OUT,
        f"{unit.name} is gone; {unit.starter} has {share(now, wanted, 'replica')} ready after {span(limit)}",
        "check its new pod: is there a GPU for it, and does its model load?",
    )


def _say(execution: ClusterExecution, target: Target | None, text: str, done: int = 0, total: int = 0) -> None:
    if target is None:
        execution.say(text, done, total)
        return
    # Existing pods are not announced as pending by an older Snapshot.
    phases = starting(execution.snapshot, target, execution.now(), most=0 if total and done >= total else None)
    execution.say(f"{text}{'; ' + phases.words if phases.words else ''}", done, total, phases.eta)
