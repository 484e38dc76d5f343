"""Is what the screen shows young enough to decide on?"""

from __future__ import annotations

from actions.plan import Check, Verdict
from actions.plan_context import PlanContext
from fleet.model.snapshot import Health

ABOUT = "data"


def check_data(context: PlanContext) -> Check:
    """Of every source: how old its last word is."""
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
        return Check(ABOUT, Verdict.WARN, f"too old to decide on: {', '.join(old)}", "look at :sources")
    measured = context.snapshot.measured_at
    if measured is None:
        return Check(ABOUT, Verdict.WARN, "no metrics: what users feel is not known")
    return Check(ABOUT, Verdict.PASS, f"measured {max(0.0, context.now() - measured):.0f} s ago")
