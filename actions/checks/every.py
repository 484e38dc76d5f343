"""The checks of all plans on a cluster, whatever the action: a new one is a module beside this one and one row here.

Further checks of an action are in its own plan.
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
from actions.planning.plan import Check, Plan, Verdict
from actions.planning.plan_context import ClusterContext
from actions.spec import Api


class CheckPlan(Protocol):
    """Examines a plan as its action made it, and the cluster; changes nothing."""

    async def __call__(self, plan: Plan, context: ClusterContext) -> Check | None:
        """Return the result; None if there is nothing to report. A blocking result forbids the plan.

        Raises KubeError if it cannot be determined.
        """
        ...


class PlanCheck(NamedTuple):
    """A check, and the plans it applies to: those whose requests go to one of these APIs."""

    check: CheckPlan
    apis: frozenset[Api] = frozenset(Api)


_OBJECTS = frozenset({Api.KUBERNETES})

FIRST: tuple[PlanCheck, ...] = (PlanCheck(check_permission, _OBJECTS), PlanCheck(check_freeze, _OBJECTS))
"""Checks of permission, shown before the action's own."""
LAST: tuple[PlanCheck, ...] = (PlanCheck(check_users, _OBJECTS), PlanCheck(check_data, _OBJECTS))
"""Trouble that users feel already, and how far the others can be believed: shown after them."""


async def checked(plan: Plan, context: ClusterContext) -> tuple[Check, ...]:
    """Return all checks of a plan, in display order. Raises KubeError."""
    first, last = await asyncio.gather(_results(FIRST, plan, context), _results(LAST, plan, context))
    own = doubt_unseen(plan.checks, context.snapshot, plan.target)
    if any(check.about == PERMISSION and check.verdict is Verdict.BLOCK for check in first):
        # The dry run needs the same permission, so it adds nothing.
        own = tuple(check for check in own if not (check.about == "server" and check.verdict is Verdict.BLOCK))
    return (*first, *own, *last)


async def _results(checks: Sequence[PlanCheck], plan: Plan, context: ClusterContext) -> list[Check]:
    """Return the results of the checks that apply to such a plan."""
    api = spec_of(plan.request.kind).api
    found = await asyncio.gather(*(row.check(plan, context) for row in checks if api in row.apis))
    return [check for check in found if check is not None]
