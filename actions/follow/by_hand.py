"""Waiting until users have replaced the pods of a workload whose controller does not (OnDelete, or held back)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from actions.follow.rollout import state_of
from actions.kubeobj import controller_of, kind_in, written
from actions.number_words import some_names, span
from actions.planning.plan import Plan
from actions.planning.plan_context import Reads
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.model.counting import share
from fleet.model.objects import REVISION_HASH
from fleet.sources.kube.errors import NotFoundError


async def pods_of(obj: Mapping[str, Any], reads: Reads) -> list[dict[str, Any]]:
    """The raw pods that a workload controls itself, by name. Raises KubeError."""
    metadata = obj["metadata"]
    selector = written(kind_in(obj).selector(obj))
    found = await reads.list_raw("Pod", metadata.get("namespace", ""), selector)
    mine = [pod for pod in found if (controller_of(pod) or ("", "", ""))[2] == metadata.get("uid", "")]
    return sorted(mine, key=lambda pod: str(pod["metadata"]["name"]))


def of_another(pods: Sequence[Mapping[str, Any]], revision: str) -> list[str]:
    """Return the names of the pods that run another revision."""
    return [
        str(pod["metadata"]["name"])
        for pod in pods
        if ((pod["metadata"].get("labels") or {}).get(REVISION_HASH) or "") != revision
    ]


async def follow_by_hand(plan: Plan, execution: ClusterExecution, why: str, old: Collection[str]) -> Outcome:
    """Wait until every pod runs the written template; ``why`` says why nothing replaces them automatically.

    ``old`` are the uids of the pods that must go. Converged only once they have: the template alone changes nothing for
    users.
    """
    target = plan.target
    left: list[str] = []

    async def replaced() -> bool:
        obj = await execution.reads.get_raw(target.kind, target.namespace, target.name)
        if target.uid and obj["metadata"].get("uid") != target.uid:
            raise NotFoundError(f"{target} was deleted, and another with its name was created")
        state, pods = state_of(obj), await pods_of(obj, execution.reads)
        there = [str(pod["metadata"]["name"]) for pod in pods if pod["metadata"].get("uid") in old]
        # A deleted pod may have come back unchanged: below a partition it does.
        revision = str((obj.get("status") or {}).get("updateRevision", ""))
        left[:] = sorted({*there, *(of_another(pods, revision) if state.observed else ())})
        if left:
            text = f"{why}: to be replaced by hand: {share(len(left), len(pods), 'pod')} ({some_names(left)})"
        else:
            text = state.words
        execution.say(text, len(pods) - len(left), len(pods))
        return not left and state.observed and state.available == state.desired == len(pods)

    limit = execution.rules.follow_timeout
    if await execution.until(replaced, limit):
        return Outcome(Result.CONVERGED, "every pod was replaced by hand and runs the new template")
    still = (
        f"{some_names(left)} still {'runs' if len(left) == 1 else 'run'} the previous one"
        if left
        else "not all pods are ready"
    )
    return Outcome(
        Result.TIMED_OUT,
        f"the template is written, and {still} after {span(limit)}: {why}",
        "restart its pods one at a time, or undo" if why == "OnDelete" else "set its partition to 0, or undo",
    )
