"""Selecting another cluster with objects of the same names: nothing of the previous one is taken for one of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from actions.kinds.rollback import RollBack
from actions.planning.plan import Scope
from actions.request import Request
from actions.revisions import Revision
from console.commands.command import ScreenId
from console.screens.plan import PlanScreen
from console.session.actions import ActionSite, SessionActions
from console.session.bridge import Bridge
from console.session.permissions import Permissions
from console.session.protocol import ActionService, Changed
from fleet.model.curve import CurveQuestion
from fleet.model.objects import ClusterId, ModelVersion
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Cluster, Snapshot
from tests.actions.stage import FakeCluster, deployment
from tests.console.screens.desk import Desk, desk
from tests.console.screens.scripted import ScriptedSession, make_plan
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot

HERE = make_snapshot()
NAME = HERE.workloads[WORST].name
ELSEWHERE = {
    "another context": replace(HERE, cluster=replace(HERE.cluster, context="staging")),
    "the same context that leads elsewhere by now": replace(
        HERE, cluster=replace(HERE.cluster, server="https://moved.example.com:6443")
    ),
}
ANY_OTHER = pytest.mark.parametrize("there", ELSEWHERE.values(), ids=ELSEWHERE)


@dataclass
class OnCluster(ScriptedSession):
    """A session whose actions are real, on a cluster of the test that is already selected: the screens may not know
    yet.
    """

    there: FakeCluster = field(default_factory=FakeCluster)

    def actions(self, changed: Changed) -> ActionService:
        bridge, audit = Bridge(asyncio.get_running_loop()), Path("/no/such/folder")
        site = ActionSite(self.there.runner, self._identify, audit, changed)
        machine = ActionSite(FakeCluster().runner, self._identify, audit, changed)
        permissions = Permissions(bridge, lambda _: self.there, lambda: changed(None))
        return SessionActions(bridge, site, machine, lambda: False, lambda _: self.there, permissions, audit)

    async def _identify(self) -> Cluster:
        return self.there.snapshot.cluster


def on(there: Snapshot) -> OnCluster:
    """A session on that cluster, which has the very workload: of the same name, and even of the same uid."""
    cluster = there.cluster
    fake = FakeCluster(snapshot=there, scope=Scope(cluster.context, cluster.server, cluster.user))
    fake.add(deployment(NAME, uid=HERE.workloads[WORST].uid))
    return OnCluster(there=fake)


async def refused(d: Desk, session: OnCluster) -> None:
    """No plan is made, the user gets the reason, and the server gets no request."""
    await d.until(lambda: d.screen.where is ScreenId.PLAN and "no plan could be made" in d.text)
    here, there = HERE.cluster.id, session.there.scope.cluster
    assert f"it is for {here}, and this is {there}: choose its target again here" in " ".join(d.text.split())
    assert isinstance(d.screen, PlanScreen)
    await d.press("tab", "enter")
    assert d.screen.where is ScreenId.PLAN, "nor can it be applied"
    assert session.there.asked == []
    assert session.there.audited == []


@ANY_OTHER
async def test_what_was_chosen_before_is_refused_there(there: Snapshot) -> None:
    session = on(there)
    async with desk(HERE, session=session, size=(200, 40)) as d:
        # The session has switched, but the screen still shows the old cluster.
        await d.command("restart")
        await refused(d, session)


@ANY_OTHER
async def test_a_line_that_was_opened_before_means_what_was_under_the_cursor_then(there: Snapshot) -> None:
    session = on(there)
    async with desk(HERE, session=session, size=(200, 40)) as d:
        await d.press("colon")
        await d.type("scale 7")
        await d.deliver(there)
        await d.press("enter")
        await refused(d, session)


@ANY_OTHER
async def test_a_number_that_is_asked_for_is_one_of_what_was_under_the_cursor_then(there: Snapshot) -> None:
    session = on(there)
    async with desk(HERE, session=session, size=(200, 40)) as d:
        await d.press("s")
        await d.deliver(there)
        await d.press("7", "enter")
        await refused(d, session)


@ANY_OTHER
async def test_what_is_chosen_there_is_planned_there(there: Snapshot) -> None:
    session = on(there)
    async with desk(HERE, session=session, size=(200, 40)) as d:
        await d.deliver(there)
        await d.command("scale 7")
        await d.until(lambda: isinstance(d.screen, PlanScreen) and d.screen.plan is not None)
        assert isinstance(d.screen, PlanScreen)
        assert d.screen.plan is not None
        assert d.screen.plan.target.cluster == there.cluster.id
        assert session.there.asked != []
        assert session.there.mutations() == []


def asked(d: Desk) -> list[ClusterId]:
    """Return the cluster of each request that a plan was made for."""
    return [
        each[1].target.cluster for each in d.session.acts.asked if each[0] == "plan" and isinstance(each[1], Request)
    ]


@ANY_OTHER
async def test_a_revision_of_before_is_rolled_back_to_there_and_nowhere_else(there: Snapshot) -> None:
    version = ModelVersion("vllm/vllm-openai:v0.31", "sha256:abcdef0123", "mistral/mixtral", "", "rev1")
    session = ScriptedSession()
    session.acts.found = (Revision("web-7", 7, "7", 0.0, "bump", "helm", False, 2, version, ()),)
    async with desk(HERE, session=session, size=(140, 40)) as d:
        await d.press("b")
        await d.until(lambda: "v0.31" in d.text)
        await d.press("enter")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        assert isinstance(session.acts.asked[-1][1], RollBack)
        assert asked(d) == [HERE.cluster.id]
        await d.press("escape")
        assert d.screen.where is ScreenId.REVISIONS
        await d.deliver(there)
        assert d.screen is d.fleet, "the revisions of what is not in view any more are not shown"


@ANY_OTHER
async def test_a_plan_that_is_made_again_there_is_not_the_plan_that_was_seen(
    there: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Undo needs no object: it reverts the last action, whatever cluster is selected."""
    session = ScriptedSession()
    made = iter((HERE.cluster, there.cluster))

    def make(request: Request) -> object:
        cluster = next(made)
        return make_plan(request, scope=Scope(cluster.context, cluster.server, cluster.user), made_at=0.0)

    monkeypatch.setattr(session.acts, "make", make)
    async with desk(HERE, session=session, size=(200, 40)) as d:
        await d.command("restart")
        await d.until(lambda: isinstance(d.screen, PlanScreen) and d.screen.plan is not None)
        await d.press("tab", "enter")
        await d.until(lambda: "it is for" in d.screen.message_text)
        assert f"it is for {HERE.cluster.id}, and this is {there.cluster.id}" in d.screen.message_text
        assert [each for each in session.acts.asked if each[0] == "start"] == []


@ANY_OTHER
async def test_what_was_marked_is_not_marked_there(there: Snapshot) -> None:
    session = ScriptedSession()
    async with desk(HERE, session=session) as d:
        for key in HERE.pods_of[WORST][:2]:
            d.grid.move_to(key)
            await d.press("space")
        fleet = d.fleet
        await d.deliver(replace(HERE, sequence=2))
        assert fleet.marked, "another Snapshot of the same cluster leaves the marks"
        # Also those of a screen that is not in front.
        await d.press("o")
        await d.deliver(there)
        await d.press("escape")
        assert d.fleet is fleet
        assert fleet.marked == ()
        d.grid.move_to(HERE.pods_of[WORST][2])
        await d.press("ctrl+d")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        ((_, request),) = session.acts.asked
        assert isinstance(request, Request)
        assert [target.uid for target in request.targets] == [HERE.pods[HERE.pods_of[WORST][2]].uid]
        assert request.target.cluster == there.cluster.id


@ANY_OTHER
async def test_since_when_it_is_so_there_is_not_known_from_here(there: Snapshot) -> None:
    def stands(snapshot: Snapshot, severity: Severity, later: float) -> Snapshot:
        seen = {**snapshot.assessments, WORST: Assessment(severity)}
        return replace(snapshot, at=HERE.at + later, assessments=seen)

    async with desk(stands(HERE, Severity.OK, 0), session=ScriptedSession()) as d:
        await d.deliver(stands(HERE, Severity.CRITICAL, 60))
        since = d.desk.since.since(WORST)
        assert since is not None
        assert since == (HERE.at + 60, True)
        await d.deliver(stands(there, Severity.CRITICAL, 120))
        assert d.desk.since.since(WORST) == (HERE.at + 120, False)


@ANY_OTHER
async def test_a_plot_is_of_its_cluster(there: Snapshot) -> None:
    session = ScriptedSession()
    async with desk(HERE, session=session) as d:
        d.grid.move_to(HERE.pods_of[WORST][0])
        await d.command("plot")
        await d.until(lambda: d.screen.where is ScreenId.PLOT and any(each[0] == "curve" for each in session.asked))
        (question,) = [each[1] for each in session.asked if each[0] == "curve"]
        assert isinstance(question, CurveQuestion)
        assert question.series.cluster == HERE.cluster.id
        await d.deliver(there)
        assert d.screen is d.fleet, "what was measured there would be drawn for one of the same name here"
