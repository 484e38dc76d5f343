"""Two clusters with the same namespaces and names, or one server by two contexts, where even the uids are the same: the
console goes from one to the other in the middle of everything, and nothing of one is done to, or shown for, the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.app.app import QuarterdeckApp
from console.commands.command import ScreenId
from console.config.options import Options
from console.config.settings import ClusterSettings, Settings
from console.screens.actions import ActionScreen
from console.screens.plan import PlanScreen
from console.screens.table import TableScreen
from console.session.failure import SessionError
from console.wiring.session import session_of
from fleet.model.objects import Workload
from fleet.model.quantity import Quantity
from fleet.snapshot.history import HistoryView, RecentHistory
from tests.console.session.test_actions import FleetStage, unscaled
from tests.simulator.api_process import simulator
from themes.look import Look, use

EAST, WEST = "east", "west"
SEED = ("--seed", "7", "--speed", "4")


@contextmanager
def two(folder: Path, servers: int) -> Iterator[Path]:
    """A kubeconfig whose contexts lead to two clusters of one seed, or both to one server."""
    with ExitStack() as stack:
        fleets = [stack.enter_context(simulator(*SEED)) for _ in range(servers)]
        merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": EAST}
        merged |= {"clusters": [], "users": [], "contexts": []}
        for name, fleet in zip((EAST, WEST), fleets if servers == 2 else fleets * 2, strict=True):
            own = yaml.safe_load(fleet.kubeconfig.read_text())
            merged["clusters"].append({**own["clusters"][0], "name": name})
            merged["users"].append({**own["users"][0], "name": name})
            merged["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
        path = folder / "both"
        path.write_text(yaml.safe_dump(merged))
        yield path


@asynccontextmanager
async def between(folder: Path, servers: int) -> AsyncIterator[Between]:
    use(Look())
    with two(folder, servers) as kubeconfig:
        session = session_of(Settings(cluster=ClusterSettings(kubeconfig=str(kubeconfig), context=EAST)))
        app = QuarterdeckApp(session, Options())
        async with app.run_test(size=(120, 40)) as pilot:
            stage = Between(app, pilot, session)
            await stage.arrived(EAST)
            yield stage


class Between(FleetStage):
    """A console in the hands of a test, first looking east."""

    def __init__(self, app: QuarterdeckApp, pilot: Any, session: Any) -> None:
        super(FleetStage, self).__init__(app, pilot, session)

    async def arrived(self, context: str) -> None:
        """Wait until the fleet of this context is seen and measured."""
        await self.until(lambda: self.app.desk is not None and self.app.desk.snapshot is not None)
        await self.until(lambda: self.snapshot.cluster.context == context)
        await self.until(lambda: bool(self.snapshot.pods) and self.snapshot.measured_at is not None)

    async def go(self, context: str) -> None:
        """Look at the other one, by the command."""
        await self.desk.scope.switch(context=context)
        await self.arrived(context)

    async def front(self, where: ScreenId) -> None:
        """Wait until that is in front."""
        await self.until(lambda: self.desk.navigator.is_in_front(where))

    async def choose(self) -> Workload:
        """Put the cursor on a workload whose replicas nothing else changes."""
        key = unscaled(self.snapshot)
        self.move_to(key)
        await self.pilot.pause()
        return self.snapshot.workloads[key]

    @property
    def said(self) -> str:
        front = self.desk.navigator.front
        return front.message_text if front is not None else ""


def points(stage: Between) -> RecentHistory:
    """Return the history behind the strips of the current Snapshot."""
    history = stage.snapshot.history
    assert isinstance(history, HistoryView)
    return history.history


BOTH = pytest.mark.parametrize("servers", [2, 1], ids=["two clusters", "two contexts of one server"])


@BOTH
async def test_a_plan_a_mark_and_a_log_stay_where_they_are(tmp_path: Path, servers: int) -> None:
    async with between(tmp_path, servers) as stage:
        workload = await stage.choose()
        pod = stage.snapshot.pods_of[workload.key][0]
        fleet = stage.desk.navigator.front
        assert isinstance(fleet, TableScreen)
        stage.move_to(pod)
        await stage.pilot.press("space")
        assert fleet.marked == (pod,)
        await stage.pilot.press("l")
        await stage.front(ScreenId.LOGS)
        east = stage.snapshot.ref("Pod", *pod.split("/"))
        # The logs of a pod are open: there is one of that name in the other cluster.
        await stage.go(WEST)
        assert pod in stage.snapshot.pods
        assert stage.desk.navigator.front is fleet
        assert not fleet.marked
        lines = stage.session.logs(east, "", follow=False, previous=False, tail=1, since=0)
        with pytest.raises(SessionError, match=r"it is for east at .*, and this is west at"):
            _ = [line async for line in lines]
        with pytest.raises(SessionError, match=r"it is for east at .*, and this is west at"):
            await stage.session.describe(east)
        with pytest.raises(SessionError, match=r"it is for east at .*, and this is west at"):
            await stage.session.timeline(east.cluster, 0.0)
        # A plan is open, made and ready to be applied.
        await stage.choose()
        await stage.line("scale -1")
        screen = await stage.planned()
        plan, acting = screen.plan, stage.desk.actions.service
        assert plan is not None
        assert acting is not None
        assert plan.target.cluster == stage.snapshot.cluster.id
        await stage.go(EAST)
        assert stage.desk.navigator.front is fleet, "the plan is closed, and not shown over the other cluster"
        with pytest.raises(SessionError, match="planned for a different cluster"):
            await acting.start(plan, "", "Apply")
        with pytest.raises(SessionError, match=r"it is for west at .*, and this is east at"):
            await acting.plan(plan.request)
        assert await stage.replicas(workload) == workload.desired
        await stage.go(WEST)
        assert await stage.replicas(workload) == workload.desired
        assert stage.recorded() == []


@BOTH
async def test_a_run_ends_where_it_is_and_is_taken_back_nowhere_else(tmp_path: Path, servers: int) -> None:
    async with between(tmp_path, servers) as stage:
        workload = await stage.choose()
        await stage.line("scale +1")
        await stage.planned()
        await stage.pilot.press("tab", "enter")
        await stage.front(ScreenId.ACTION)
        service = stage.desk.actions.service
        assert service is not None
        await stage.until(lambda: any(run.reached for run in service.action_runs))
        # The keys do not switch while it is running.
        await stage.desk.scope.switch(context=WEST)
        assert "actions are still running here" in stage.said
        assert stage.snapshot.cluster.context == EAST
        # Leaving nevertheless stops it; what was sent stays sent.
        await stage.session.switch(context=WEST)
        await stage.arrived(WEST)
        assert stage.desk.actions.under_way == 0
        (run,) = service.action_runs
        assert run.plan.scope.context == EAST
        (recorded,) = stage.recorded()
        assert (recorded.intent.scope["context"], recorded.outcome) == (EAST, "stopped")
        # Its screen offers nothing of it here.
        await stage.front(ScreenId.ACTION)
        screen = stage.desk.navigator.front
        assert isinstance(screen, ActionScreen)
        await stage.until(lambda: "another cluster is in view" in stage.shown)
        await stage.pilot.press("z")
        assert stage.desk.navigator.front is screen
        assert f"“{run.plan.title}” was done on east" in stage.said
        await stage.pilot.press("p")
        await stage.until(lambda: "no plan could be made" in stage.shown)
        assert "it is for east" in stage.said
        await stage.pilot.press("enter")
        stage.desk.navigator.go_home()
        # On the fleet, undo covers what was done here: nothing, or under another name of the same server, as the
        # message says.
        await stage.pilot.press("z")
        if servers == 2:
            await stage.until(lambda: "no plan could be made" in stage.shown)
            assert "has done nothing on this cluster that could be undone" in stage.said
        else:
            back = await stage.planned()
            assert back.plan is not None
            (where,) = [check for check in back.plan.checks if check.about == "cluster"]
            assert "through the context east" in where.text
            assert back.plan.target.cluster == stage.snapshot.cluster.id
        await stage.go(EAST)
        assert await stage.replicas(workload) == workload.desired + 1
        await stage.pilot.press("z")
        back = await stage.planned()
        assert back.plan is not None
        assert back.plan.target.cluster == stage.snapshot.cluster.id
        assert "cluster" not in {check.about for check in back.plan.checks}


@BOTH
async def test_a_history_is_of_its_cluster(tmp_path: Path, servers: int) -> None:
    async with between(tmp_path, servers) as stage:
        key = (await stage.choose()).key
        east = points(stage)
        await stage.go(WEST)
        west = points(stage)
        assert west is not east
        assert stage.snapshot.history.strip(key, Quantity.RUNNING, 60), "there is a workload of that name here"
        await stage.go(EAST)
        assert points(stage) is east


async def test_a_screen_of_what_is_not_in_view_any_more_is_closed_with_all_above_it(tmp_path: Path) -> None:
    async with between(tmp_path, 1) as stage:
        workload = await stage.choose()
        for keys, where in (("enter", ScreenId.DETAIL), ("d", ScreenId.DOCUMENT)):
            await stage.pilot.press(keys)
            await stage.front(where)
        await stage.pilot.press("question_mark")
        await stage.front(ScreenId.HELP)
        # The session alone: rewriting the kubeconfig switches the cluster without a key.
        await stage.session.switch(context=WEST)
        await stage.arrived(WEST)
        await stage.front(ScreenId.FLEET)
        assert workload.key in stage.snapshot.workloads
        # Screens about no cluster stay.
        await stage.line("local")
        await stage.front(ScreenId.LOCAL)
        await stage.session.switch(context=EAST)
        await stage.arrived(EAST)
        await stage.front(ScreenId.LOCAL)
        assert not any(isinstance(screen, PlanScreen) for screen in stage.app.screen_stack)
