"""Do users feel it already: does a model have a queue, or miss its objective?"""

from __future__ import annotations

from collections.abc import Iterator

from actions.number_words import count
from actions.planning.plan import Check, Plan, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Target
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot

ABOUT = "users"


async def check_users(plan: Plan, context: ClusterContext) -> Check | None:
    """Check the models that the target has a part in; None where no user feels anything."""
    snapshot = context.snapshot.everything
    effects = [text for key in workloads_of(snapshot, plan.target) for text in _effects(snapshot, key)]
    if not effects:
        return None
    return Check(ABOUT, Verdict.WARN, "; ".join(dict.fromkeys(effects)), "is it meant to help them?")


def workloads_of(snapshot: Snapshot, target: Target) -> Iterator[str]:
    """Yield the workloads that serve a model and to which the target's pods belong."""
    key = f"{target.namespace}/{target.kind}/{target.name}"
    match target.kind:
        case "Pod":
            found = [snapshot.workload_of.get(f"{target.namespace}/{target.name}", "")]
        case "Node":
            found = [snapshot.workload_of.get(pod.key, "") for pod in snapshot.pods.values() if pod.node == target.name]
        case _:
            scaled = (
                workload
                for workload, one in snapshot.autoscalers.items()
                if (one.namespace, one.name) == (target.namespace, target.name)
            )
            found = [snapshot.top(key), *scaled]
    yield from dict.fromkeys(one for one in found if one in snapshot.model_of)


def _effects(snapshot: Snapshot, workload: str) -> Iterator[str]:
    model = snapshot.models[snapshot.model_of[workload]].name
    waiting = snapshot.by_workload.value(workload, Quantity.WAITING)
    if waiting > max(1, len(snapshot.pods_of.get(workload, ()))):
        # One for each engine, at most, only waits for the next batch: that is a busy engine, not a queue.
        yield f"{count(waiting, 'request')} of {model} wait now"
    if "objectives" in snapshot.facts.by_source:
        # The join of objectives is only imported if there are some.
        from fleet.objectives.fast_burns import missed

        yield from (f"{model} misses its objective: {text}" for text in missed(snapshot, workload))
