"""The checks of every plan on a cluster, whatever its action: one more is a module beside this one and one line here.

What an action must look at besides is in its own plan.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from actions.checks.data import check_data, doubt_unseen
from actions.checks.permission import ABOUT as PERMISSION
from actions.checks.permission import check_permission
from actions.plan import Check, Plan, Verdict
from actions.plan_context import ClusterContext


class PlanCheck(Protocol):
    """Looks at a plan as its action made it, and at the cluster; changes nothing."""

    async def __call__(self, plan: Plan, context: ClusterContext) -> Check:
        """Return what was found. If it blocks, it forbids the plan for all. Raises KubeError where nobody can tell."""
        ...


FIRST: tuple[PlanCheck, ...] = (check_permission,)
"""Whether it may be done at all: shown before the action's own checks."""
LAST: tuple[PlanCheck, ...] = (check_data,)
"""How far the others can be believed: shown after them."""


async def checked(plan: Plan, context: ClusterContext) -> tuple[Check, ...]:
    """All checks of a plan, in the order in which they are shown. Raises KubeError."""
    found = await asyncio.gather(*(check(plan, context) for check in (*FIRST, *LAST)))
    first, last = found[: len(FIRST)], found[len(FIRST) :]
    own = doubt_unseen(plan.checks, context.snapshot, plan.target)
    if any(check.about == PERMISSION and check.verdict is Verdict.BLOCK for check in first):
        # The dry run needs the same permission: it has nothing to add.
        own = tuple(check for check in own if not (check.about == "server" and check.verdict is Verdict.BLOCK))
    return (*first, *own, *last)
