"""The checks of the plans on a cluster, whatever their action: one more is a module beside this one and one row here.

What an action must look at besides is in its own plan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from actions.catalogue import spec_of
from actions.checks.data import check_data, doubt_unseen
from actions.checks.freeze import check_freeze
from actions.checks.permission import ABOUT as PERMISSION
from actions.checks.permission import check_permission
from actions.checks.users import check_users
from actions.plan import Check, Plan, Verdict
from actions.plan_context import ClusterContext
from actions.spec import Api


class CheckPlan(Protocol):
    """Looks at a plan as its action made it, and at the cluster; changes nothing."""

    async def __call__(self, plan: Plan, context: ClusterContext) -> Check | None:
        """Return what was found; None for nothing to tell. If it blocks, it forbids the plan for all.

        Raises KubeError where nobody can tell.
        """
        ...


class PlanCheck(NamedTuple):
    """A check, and the plans that it is for: those whose requests go to one of these APIs."""

    check: CheckPlan
    apis: frozenset[Api] = frozenset(Api)


_OBJECTS = frozenset({Api.KUBERNETES})

FIRST: tuple[PlanCheck, ...] = (PlanCheck(check_permission, _OBJECTS), PlanCheck(check_freeze, _OBJECTS))
"""Whether it may be done at all: shown before the action's own checks."""
LAST: tuple[PlanCheck, ...] = (PlanCheck(check_users, _OBJECTS), PlanCheck(check_data, _OBJECTS))
"""Trouble that users feel already, and how far the others can be believed: shown after them."""


async def checked(plan: Plan, context: ClusterContext) -> tuple[Check, ...]:
    """All checks of a plan, in the order in which they are shown. Raises KubeError."""
    first, last = await asyncio.gather(_results(FIRST, plan, context), _results(LAST, plan, context))
    own = doubt_unseen(plan.checks, context.snapshot, plan.target)
    if any(check.about == PERMISSION and check.verdict is Verdict.BLOCK for check in first):
        # The dry run needs the same permission: it has nothing to add.
        own = tuple(check for check in own if not (check.about == "server" and check.verdict is Verdict.BLOCK))
    return (*first, *own, *last)


async def _results(checks: Sequence[PlanCheck], plan: Plan, context: ClusterContext) -> list[Check]:
    """The results of those that are for such a plan."""
    api = spec_of(plan.request.kind).api
    found = await asyncio.gather(*(row.check(plan, context) for row in checks if api in row.apis))
    return [check for check in found if check is not None]
