"""The layer between the screens and the runner: the plans it starts, its requests to the server, and their time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actions.kinds.scale import Scale
from actions.planning.plan import Check, Verdict
from actions.request import Target
from actions.running.action_run import ActionRun
from console.session.actions import ActionSite, SessionActions
from console.session.bridge import Bridge
from console.session.failure import SessionError
from console.session.permissions import Permissions
from fleet.model.objects import ClusterId, ObjectRef
from fleet.model.snapshot import Cluster
from fleet.sources.kube.errors import KubeError, ServerError
from fleet.sources.kube.reads import AccessReview
from tests.actions.stage import SCOPE, FakeCluster, deployment
from tests.waiting import PATIENCE

TARGET = Target("Deployment", "serving", "chat-70b")
REF = ObjectRef("Deployment", "serving", "chat-70b")


class Counted(FakeCluster):
    """Counts its questions about permissions."""

    reviews: int = 0

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.asking, self.answer = asyncio.Event(), asyncio.Event()
        self.answer.set()

    async def can_i(
        self, verb: str, resource: str, group: str = "", subresource: str = "", namespace: str = ""
    ) -> AccessReview:
        self.reviews += 1
        self.asking.set()
        await self.answer.wait()
        return await super().can_i(verb, resource, group, subresource, namespace)


class OnActionChange:
    """Notifications to the screens, and a way to wait for them."""

    def __init__(self) -> None:
        self.states: list[ActionRun | None] = []
        self.news = asyncio.Event()

    def __call__(self, state: ActionRun | None) -> None:
        self.states.append(state)
        self.news.set()

    async def next(self) -> ActionRun | None:
        """The next one."""
        async with asyncio.timeout(PATIENCE):
            await self.news.wait()
        self.news.clear()
        return self.states[-1]

    async def end(self) -> ActionRun:
        """The state with which an action is over."""
        while True:
            state = await self.next()
            if state is not None and state.outcome is not None:
                return state


class Acting(SessionActions):
    """The actions of a session on one cluster; both of its loops are that of the test."""

    def __init__(self, cluster: FakeCluster, change: OnActionChange, audit: Path = Path("/no/such/folder")) -> None:
        self.identified: KubeError | None = None
        """Error of the request for the current user's identity."""
        self.cluster = cluster
        bridge = Bridge(asyncio.get_running_loop())
        self.site = ActionSite(cluster.runner, self._identify, audit, change)
        self.known = Permissions(bridge, lambda _: cluster, lambda: change(None))
        machine = ActionSite(FakeCluster().runner, self._identify, audit, change)
        super().__init__(bridge, self.site, machine, lambda: False, lambda _: cluster, self.known, audit)

    async def _identify(self) -> Cluster:
        if self.identified is not None:
            raise self.identified
        return self.cluster.snapshot.cluster


async def test_nothing_is_planned_before_it_is_known_who_acts() -> None:
    cluster = FakeCluster()
    cluster.add(deployment())

    acts = Acting(cluster, OnActionChange())
    acts.identified = ServerError("overloaded")
    with pytest.raises(SessionError, match="overloaded"):
        await acts.plan(Scale(TARGET, 5))
    with pytest.raises(SessionError, match="overloaded"):
        await acts.undo()
    assert cluster.asked == []


async def test_a_plan_is_started_followed_and_kept() -> None:
    cluster, change = FakeCluster(), OnActionChange()
    cluster.add(deployment())
    acts = Acting(cluster, change)
    plan = await acts.plan(Scale(TARGET, 5))
    assert cluster.mutations() == []
    started = await acts.start(plan, "INC-1", "Apply")
    over = await change.end()
    assert over.id == started.id == plan.id
    assert over.outcome is not None
    assert over.outcome.ok
    assert acts.action_runs == (over,)
    assert cluster.get("Deployment", "serving", "chat-70b")["spec"]["replicas"] == 5
    await acts.site.disconnect()
    assert acts.action_runs == (over,)


async def test_a_plan_of_another_cluster_is_not_started() -> None:
    cluster = FakeCluster()
    cluster.add(deployment())
    acts = Acting(cluster, OnActionChange())
    plan = await acts.plan(Scale(TARGET, 5))
    await acts.site.disconnect()
    with pytest.raises(SessionError, match="planned for a different cluster"):
        await acts.start(plan, "", "Apply")
    assert cluster.mutations() == []


async def test_what_was_chosen_in_another_cluster_is_not_planned_here() -> None:
    cluster = FakeCluster()
    cluster.add(deployment())
    acts = Acting(cluster, OnActionChange())
    for elsewhere in (SCOPE.cluster._replace(context="prod-us1"), SCOPE.cluster._replace(server="https://moved")):
        with pytest.raises(SessionError, match=f"it is for {elsewhere}, and this is prod-eu1 at https://eu1"):
            await acts.plan(Scale(replace(TARGET, cluster=elsewhere), 5))
    assert cluster.asked == []
    plan = await acts.plan(Scale(replace(TARGET, cluster=SCOPE.cluster), 5))
    cluster.scope = replace(SCOPE, server="https://moved")
    with pytest.raises(SessionError, match="it is for prod-eu1 at https://eu1, and this is prod-eu1 at https://moved"):
        await acts.start(plan, "", "Apply")
    assert cluster.mutations() == []
    assert cluster.audited == []


async def test_a_plan_that_is_forbidden_is_not_started() -> None:
    cluster = FakeCluster()
    cluster.add(deployment())
    acts = Acting(cluster, OnActionChange())
    plan = await acts.plan(Scale(TARGET, 5))
    with pytest.raises(SessionError, match="no way"):
        await acts.start(replace(plan, checks=(Check("x", Verdict.BLOCK, "no way"),)), "", "Apply")
    assert cluster.mutations() == []
    await acts.site.disconnect()


async def test_to_stop_leaves_what_was_sent() -> None:
    cluster, change = FakeCluster(react=lambda obj: obj), OnActionChange()
    cluster.add(deployment())
    acts = Acting(cluster, change)
    plan = await acts.plan(Scale(TARGET, 5))
    await acts.start(plan, "", "Apply")
    while not any(line.startswith("PATCH") for line in cluster.mutations()):
        await change.next()
    acts.stop(plan.id)
    over = await change.end()
    assert over.outcome is not None
    assert over.outcome.result.value == "stopped"
    assert cluster.get("Deployment", "serving", "chat-70b")["spec"]["replicas"] == 5
    await acts.site.disconnect()


async def test_what_may_not_be_done_is_asked_once_and_told_when_it_is_known() -> None:
    cluster, change = Counted(forbidden={"patch deployments/scale"}), OnActionChange()
    acts = Acting(cluster, change)
    assert acts.denied("scale", REF) is None
    assert await change.next() is None
    for _ in range(3):
        assert acts.denied("scale", REF) == "you may not patch deployments/scale.apps in serving"
    assert cluster.reviews == 1
    assert acts.denied("restart", REF) is None
    await change.next()
    assert acts.denied("restart", REF) is None
    assert cluster.reviews == 2


async def test_undo_without_a_log_has_nothing_to_take_back(tmp_path: Path) -> None:
    cluster = FakeCluster()
    cluster.add(deployment())
    acts = Acting(cluster, OnActionChange(), tmp_path)
    with pytest.raises(Exception, match="nothing on this cluster that could be undone"):
        await acts.undo()
    assert list(await acts.cut_off()) == []
    await acts.site.disconnect()


async def test_what_may_not_be_done_on_one_cluster_says_nothing_of_the_next() -> None:
    cluster, change = Counted(forbidden={"patch deployments/scale"}), OnActionChange()
    acts = Acting(cluster, change)
    acts.denied("scale", REF)
    await change.next()
    acts.known.forget()
    cluster.forbidden = set()
    assert acts.denied("scale", REF) is None
    await change.next()
    assert acts.denied("scale", REF) is None
    assert cluster.reviews == 2


async def test_what_was_asked_of_one_cluster_is_no_answer_for_the_same_name_in_another() -> None:
    """The screens may request objects that they still show after these are forgotten."""
    cluster, change = Counted(forbidden={"patch deployments/scale"}), OnActionChange()
    acts = Acting(cluster, change)
    here, there = REF._replace(cluster=SCOPE.cluster), REF._replace(cluster=ClusterId("prod-us1", "https://us1"))
    acts.known.forget()
    acts.denied("scale", here)
    await change.next()
    cluster.forbidden = set()
    assert acts.denied("scale", there) is None
    await change.next()
    assert acts.denied("scale", there) is None
    assert acts.denied("scale", here) == "you may not patch deployments/scale.apps in serving"
    assert cluster.reviews == 2


async def test_an_answer_that_comes_after_the_cluster_was_left_is_not_taken_for_one_of_the_next() -> None:
    cluster, change = Counted(forbidden={"patch deployments/scale"}), OnActionChange()
    cluster.answer.clear()
    acts = Acting(cluster, change)
    acts.denied("scale", REF)
    await cluster.asking.wait()
    acts.known.forget()
    cluster.answer.set()
    await change.next()
    assert acts.denied("scale", REF) is None
    assert cluster.reviews == 1
