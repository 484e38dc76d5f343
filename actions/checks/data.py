"""Is the data behind a plan recent enough to decide on, and complete?"""

from __future__ import annotations

from collections.abc import Sequence

from actions.checks import capacity, cut_requests, last_replica
from actions.planning.plan import Check, Plan, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Target
from fleet.model.snapshot import Health, Snapshot

ABOUT = "data"
_FROM_PODS = frozenset({capacity.ABOUT, cut_requests.ABOUT, last_replica.ABOUT})
"""Checks about the pods of the target's namespace, as the Snapshot has them."""


async def check_data(plan: Plan, context: ClusterContext) -> Check:
    """Check the age of the last word of every source."""
    del plan
    limit = context.rules.stale_after
    old = []
    for source in context.snapshot.sources:
        if source.health is Health.OFF:
            continue
        if source.last_ok is None:
            if source.problem:
                old.append(f"{source.name} has not answered yet")
        elif (age := context.now() - source.last_ok) > limit:
            old.append(f"{source.name} last answered {age:.0f} s ago")
    if old:
        return Check(ABOUT, Verdict.WARN, f"too old to decide on: {', '.join(old)}", "see :sources")
    measured = context.snapshot.measured_at
    if measured is None:
        return Check(ABOUT, Verdict.WARN, "no metrics: the effect on users is not known")
    return Check(ABOUT, Verdict.PASS, f"measured {max(0.0, context.now() - measured):.0f} s ago")


def doubt_unseen(checks: Sequence[Check], snapshot: Snapshot, target: Target) -> tuple[Check, ...]:
    """Return the checks; if not all pods of the target's namespace are known, none passes for lack of pods."""
    coverage = snapshot.coverage
    if coverage.sees("pods", target.namespace) if target.namespace else coverage.knows_all("pods"):
        return tuple(checks)
    lack = coverage.lack("pods")
    return tuple(
        Check(check.about, Verdict.WARN, f"not known: {lack}")
        if check.about in _FROM_PODS and check.verdict is Verdict.PASS
        else check
        for check in checks
    )
