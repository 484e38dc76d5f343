"""POST …/pods/{name}/eviction: a pod is evicted if its PodDisruptionBudget allows it."""

from __future__ import annotations

from typing import Any

from simulator.api import errors
from simulator.api.writes import check_preconditions
from simulator.interfaces import World
from simulator.selection import matches
from simulator.store import Store

Obj = dict[str, Any]
RETRY_AFTER = 10
"""Retry-After in seconds while a new budget has no status yet."""
_NOT_PROTECTED = frozenset({"Pending", "Succeeded", "Failed"})


def evict(store: Store, world: World, pod: Obj, given: Obj, *, dry_run: bool) -> None:
    """Evict a pod, or do a dry run of it. Raises ApiError 409, 429 and 500; the budget is checked first."""
    metadata = pod["metadata"]
    options = given.get("deleteOptions") or {}
    asked = options.get("dryRun") or []
    dry_run = dry_run or "All" in ([asked] if isinstance(asked, str) else asked)
    if "deletionTimestamp" not in metadata and pod["status"].get("phase") not in _NOT_PROTECTED:
        _check_budget(store, pod)
    check_preconditions(options.get("preconditions") or {}, pod)
    if not dry_run and "deletionTimestamp" not in metadata:
        world.delete_pod(
            metadata["namespace"],
            metadata["name"],
            grace=options.get("gracePeriodSeconds"),
            reason="EvictionByEvictionAPI",
        )


def _check_budget(store: Store, pod: Obj) -> None:
    labels = pod["metadata"].get("labels") or {}
    budgets = [
        budget
        for budget in store.list("policy/v1", "PodDisruptionBudget", pod["metadata"]["namespace"])
        if matches(budget["spec"].get("selector"), labels)
    ]
    if len(budgets) > 1:
        raise errors.two_budgets()
    if not budgets:
        return
    (budget,) = budgets
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 1):
        raise errors.budget_forbids(
            f"The disruption budget {name} is still being processed by the server.", RETRY_AFTER
        )
    if status.get("disruptionsAllowed", 0) > 0:
        return
    healthy, needed = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions") or ())
    # An unhealthy pod may be evicted: always, or (by default) while the others meet the budget.
    if not ready and (budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow" or healthy >= needed):
        return
    raise errors.budget_forbids(f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently")
