"""The checks over all of several plans: what each alone would pass, and all together may not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from actions.catalogue import spec_of
from actions.planning.joined import JointFindings
from actions.planning.plan import Plan
from actions.planning.plan_context import ClusterContext


@runtime_checkable
class JointlyChecked(Protocol):
    """An action whose requests in turn remove, or need, more together than each one states."""

    async def check_all(self, plans: Sequence[Plan], context: ClusterContext) -> JointFindings:
        """Check several plans of it together. Raises KubeError if that is impossible."""
        ...


async def check_jointly(plans: Sequence[Plan], context: ClusterContext) -> JointFindings:
    """Look at all plans of each kind among them at once."""
    found = JointFindings()
    for kind in dict.fromkeys(plan.kind for plan in plans):
        action = spec_of(kind).action()
        if isinstance(action, JointlyChecked):
            checks, impact = await action.check_all([plan for plan in plans if plan.kind == kind], context)
            found = JointFindings((*found.checks, *checks), (*found.impact, *impact))
    return found
