"""Plans and their sentences."""

from __future__ import annotations

from actions.cluster import ClusterExecutor
from actions.planning.plan import Check, Plan, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Request
from tests.actions.stage import FakeCluster


async def make_plan(request: Request, context: ClusterContext) -> Plan:
    """The plan of it on the cluster that the context shows; nothing is sent. Raises KubeError."""
    return await ClusterExecutor(lambda: context, FakeCluster()).plan(request)


def check(plan: Plan, about: str) -> Check:
    """The only one that was made of a thing."""
    (found,) = [check for check in plan.checks if check.about == about]
    return found


def verdict(plan: Plan, about: str) -> Verdict:
    """Return the verdict of the only check about something."""
    return check(plan, about).verdict
