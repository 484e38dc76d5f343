"""A console with a session that plans as a test wants, and the way to a plan on the screen."""

from __future__ import annotations

from actions.request import Target
from console.screens.plan import PlanScreen
from tests.console.screens.desk import Desk
from tests.console.screens.scripted import ScriptedActing, ScriptedSession, make_plan
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot

NAME = "mixtral-8x22b"


def acting(**fields: object) -> ScriptedSession:
    """A session whose plans are as given: fields of the plan."""
    return ScriptedSession(acts=ScriptedActing(make=lambda request: make_plan(request, **fields)))


def target() -> Target:
    workload = make_snapshot().workloads[WORST]
    return Target("Deployment", "serving", NAME, workload.uid, make_snapshot().cluster.id)


async def open_scale(d: Desk, number: str = "7") -> PlanScreen:
    await d.command(f"scale {number}")
    await d.until(lambda: isinstance(d.screen, PlanScreen) and d.screen.plan is not None)
    assert isinstance(d.screen, PlanScreen)
    return d.screen
