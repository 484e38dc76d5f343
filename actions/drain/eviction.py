"""Eviction of a pod, and the server's possible answers. Kubernetes documentation, "API-initiated Eviction"."""

from __future__ import annotations

from typing import Any

from actions.drain.unit import Member
from actions.planning.plan import Mutation
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.sources.kube.errors import ConflictError, KubeError, NotFoundError, ServerError, ThrottledError
from fleet.sources.kube.resources import PODS

RETRY = 5.0
"""Seconds to the next attempt where a budget refuses: kubectl drain's."""
_BUDGET = "DisruptionBudget"
_TWO_BUDGETS = "more than one PodDisruptionBudget"
_GONE_SLACK = 60.0
"""Seconds beyond the grace period within which the kubelet must have ended a pod and its object be gone."""


def eviction(member: Member, grace: float | None = None, *, dry: bool = False) -> Mutation:
    """Return the eviction request. ``grace`` in seconds, None for the pod's own; the uid protects another pod of the
    same name.

    ``dry`` sets it in the options as well as ``Mutation.dry`` does in the query: the server accepts either.
    """
    seconds = int(member.grace if grace is None else grace)
    options: dict[str, Any] = {"preconditions": {"uid": member.uid}, "gracePeriodSeconds": seconds}
    if dry:
        options["dryRun"] = ["All"]
    return Mutation(
        "POST",
        f"{PODS.path(member.namespace, member.name)}/eviction",
        {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": member.name, "namespace": member.namespace},
            "deleteOptions": options,
        },
        about=f"evict {member.name}, grace {seconds} s",
    )


def budget_words(error: KubeError) -> str:
    """Return the message of the budget that refused; empty if it was not a budget."""
    causes: Any = error.details.get("causes") or ()
    return "; ".join(str(cause.get("message", "")) for cause in causes if cause.get("reason") == _BUDGET)


def has_two_budgets(error: KubeError) -> bool:
    """True if the pod is under two budgets, for which the eviction API always fails."""
    return isinstance(error, ServerError) and _TWO_BUDGETS in error.message


async def evict(mutation: Mutation, execution: ClusterExecution, patience: float) -> Outcome | None:
    """Send it until it is accepted, for ``patience`` seconds; None once it is accepted or the pod is gone.

    Raises ConflictError for another pod of that name, and KubeError if waiting does not help.
    """
    deadline = execution.now() + patience
    while True:
        try:
            await execution.send(mutation)
        except NotFoundError:
            return None
        except ThrottledError as error:
            budget = budget_words(error)
            words = f"{budget or error.message}".rstrip(".")
            left = deadline - execution.now()
            pause = max(RETRY if budget else 1.0, error.retry_after or 0.0)
            if pause > left:
                return Outcome(
                    Result.TIMED_OUT,
                    f"not evicted within {patience:.0f} s: {words}",
                    "make room in the budget (more ready replicas), then drain it again; or undo" if budget else "",
                )
            execution.say(f"{'waits for its budget' if budget else 'the server is busy'}: {words}")
            await pause_for(execution, pause)
        except ServerError as error:
            if not has_two_budgets(error):
                raise
            return Outcome(Result.FAILED, error.message, "leave one PodDisruptionBudget that selects it; or undo")
        else:
            return None


async def wait_until_gone(member: Member, execution: ClusterExecution, grace: float) -> bool:
    """Wait until the pod has ended; False where it is still there a minute after its grace period."""

    async def ended() -> bool:
        try:
            found = await execution.reads.get_raw("Pod", member.namespace, member.name)
        except NotFoundError:
            return True
        return bool(found["metadata"].get("uid") != member.uid)

    return await execution.until(ended, grace + _GONE_SLACK)


def expect_planned(member: Member, found: dict[str, Any]) -> dict[str, Any]:
    """Return the pod if it is the planned one. Raises ConflictError for another of its name."""
    if found["metadata"].get("uid") != member.uid:
        raise ConflictError(f"pod {member.name} was replaced by another one", status=409)
    return found


async def pause_for(execution: ClusterExecution, seconds: float) -> None:
    """Wait for that many seconds."""

    async def never() -> bool:
        return False

    await execution.until(never, seconds)
