"""Is nothing to be changed now? A window asks for a reason, or forbids what no critical incident concerns."""

from __future__ import annotations

from collections.abc import Sequence

from actions.checks.users import workloads_of
from actions.planning.freeze import active, in_words
from actions.planning.plan import Check, Plan, Verdict
from actions.planning.plan_context import ClusterContext
from fleet.model.finding import FindingState
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot

ABOUT = "freeze"


async def check_freeze(plan: Plan, context: ClusterContext) -> Check | None:
    """Check the windows in which nothing is to be changed; None outside of them."""
    found = active(context.rules.freezes, plan.target.namespace, context.now())
    if found is None:
        return None
    window, end = found
    why = f": {window.why}" if window.why else ""
    text = f"changes are frozen until {in_words(end, window.zone)} ({window.name}){why}"
    if not window.blocks:
        return Check(ABOUT, Verdict.WARN, text, "wait, or give a reason why it cannot wait")
    snapshot = context.snapshot.everything
    broken = _critical(snapshot, list(workloads_of(snapshot, plan.target)))
    if broken:
        return Check(ABOUT, Verdict.WARN, f"{text}; exceptions: {broken}", "give that as the reason")
    return Check(ABOUT, Verdict.BLOCK, text, "wait; objects of a critical incident may still be changed")


def asks_reason(checks: Sequence[Check]) -> bool:
    """True if a plan with these checks needs a reason."""
    return any(check.about == ABOUT for check in checks)


def _critical(snapshot: Snapshot, workloads: Sequence[str]) -> str:
    """The sentence of a critical incident that fires and concerns one of these; empty for none."""
    for incident in snapshot.incidents:
        fires = incident.state is FindingState.FIRING and incident.severity is Severity.CRITICAL
        if fires and not set(incident.reach.workloads).isdisjoint(workloads):
            return incident.sentence
    return ""
