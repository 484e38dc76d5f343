"""A plan on the screen: its sentences, and the keys to apply it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from actions.kinds.drain import Drain
from actions.kinds.drain_node import DrainNode
from actions.kinds.restart import Restart
from actions.kinds.rollback import RollBack
from actions.kinds.scale import Scale
from actions.planning.plan import Alternative, Change, Check, Plan, Scope, Step, Verdict
from actions.request import Request, Target
from actions.revisions import Revision
from console.commands.command import ScreenId
from console.screens.plan import PlanScreen
from console.screens.plan_confirmation import answers, asked
from console.session.failure import SessionError
from fleet.model.objects import ModelVersion
from tests.console.screens.desk import SIZES, Desk, desk
from tests.console.screens.plans import NAME, acting, open_scale, target
from tests.console.screens.scripted import ScriptedActing, ScriptedSession, make_plan
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot

PRODUCTION = Scope("prod-eu1", "https://eu1", "oncall@corp", production=True)
TOO_OLD = 61.0


def started(d: Desk) -> list[tuple[object, ...]]:
    return [asked for asked in d.session.acts.asked if asked[0] == "start"]


@SIZES
async def test_a_plan_says_what_where_as_whom_and_what_stands_against_it(size: tuple[int, int]) -> None:
    checks = (
        Check("permission", Verdict.PASS, "patch deployments/scale: allowed"),
        Check("spare GPUs", Verdict.WARN, "none is free: a new pod waits", "drain a pod of a lesser model first"),
    )
    impact = (Change("KV of the busiest", "92%", "97%"),)
    session = acting(checks=checks, impact=impact, scope=PRODUCTION)
    async with desk(make_snapshot(), size=size, session=session) as d:
        await open_scale(d)
        assert session.acts.asked == [("plan", Scale(target(), 7))]
        title = d.line_with("Scale mixtral-8x22b")
        assert "prod-eu1 › serving" in title
        assert "PROD" in title
        assert "1  send it" in d.line_with("send it")
        assert "2 → 3" in d.line_with("replicas")
        rows = [line.strip() for line in d.lines]
        assert rows.index(d.line_with("▲ spare GPUs").strip()) < rows.index(d.line_with("● permission").strip())
        assert "drain a pod of a lesser model first" in d.text
        assert "92% → 97%" in d.text
        assert "1 warning" in d.text
        assert "type mixtral-8x22b to apply" in d.text
        assert d.line_with("[ Cancel ]").index("[ Apply ]") > 0


async def test_enter_on_arrival_goes_back_and_sends_nothing() -> None:
    async with desk(make_snapshot(), session=acting()) as d:
        await open_scale(d)
        await d.press("enter")
        assert d.screen.where is ScreenId.FLEET
        assert started(d) == []


async def test_tab_and_enter_apply_and_what_follows_is_shown() -> None:
    async with desk(make_snapshot(), session=acting()) as d:
        screen = await open_scale(d)
        plan = screen.plan
        assert plan is not None
        await d.press("tab", "enter")
        await d.until(lambda: d.screen.where is ScreenId.ACTION)
        assert started(d) == [("start", plan.id, "", "Apply")]
        assert "1 action under way" in d.lines[0]
        await d.press("escape")
        assert d.screen.where is ScreenId.FLEET


async def test_in_production_the_name_of_the_target_must_be_typed() -> None:
    async with desk(make_snapshot(), session=acting(scope=PRODUCTION)) as d:
        screen = await open_scale(d)
        assert "PRODUCTION" in d.line_with("users feel this")
        await d.press("tab", "enter")
        assert "this is production: type mixtral-8x22b" in d.screen.message_text
        assert screen.confirmation.name.typing
        await d.type("mixtral-8x22")
        await d.press("enter", "tab", "tab", "enter")
        assert started(d) == []
        screen.confirmation.name.take_focus()
        await d.type("b")
        await d.press("enter")
        assert started(d) == []
        assert screen.confirmation.cancel.has_focus
        await d.press("tab", "enter")
        await d.until(lambda: d.screen.where is ScreenId.ACTION)
        assert [asked[2:] for asked in started(d)] == [("", "typed mixtral-8x22b, then Apply")]


def test_in_production_the_end_of_a_pods_name_will_do() -> None:
    plan = make_plan(Drain(Target("Pod", "serving", "chat-70b-7c9f-x2k4m", "u")), scope=PRODUCTION)
    assert asked(plan) == "type the last 5 characters of the pod (x2k4m)"
    assert answers(plan) == ("chat-70b-7c9f-x2k4m", "x2k4m")
    assert answers(make_plan(Scale(target(), 7), scope=PRODUCTION)) == (NAME,)


async def test_where_not_all_of_a_plan_is_seen_its_checks_come_before_its_steps() -> None:
    checks = tuple(Check(f"check {i}", Verdict.PASS, "well") for i in range(9))
    steps = tuple(Step(f"step {i}") for i in range(9))
    for size, first in (((80, 24), "check 0"), ((80, 50), "step 0")):
        async with desk(make_snapshot(), size=size, session=acting(checks=checks, steps=steps)) as d:
            screen = await open_scale(d)
            lines = [line for line in d.lines if "check 0" in line or "step 0" in line]
            assert first in lines[0]
            await d.press("m")
            assert screen.confirmation.reason.typing


async def test_a_plan_that_is_forbidden_cannot_be_applied_and_says_by_what() -> None:
    block = Check("autoscaler", Verdict.BLOCK, "HPA web keeps it within 1 to 4", "change its bounds instead")
    async with desk(make_snapshot(), session=acting(checks=(block,))) as d:
        await open_scale(d)
        assert "■ autoscaler" in d.text
        assert "change its bounds instead" in d.text
        assert "1 check forbids it" in d.text
        await d.press("tab", "enter")
        assert "HPA web keeps it within 1 to 4" in d.screen.message_text
        assert started(d) == []


async def test_a_reason_is_asked_for_where_one_is_required_and_goes_along() -> None:
    scope = Scope("prod-eu1", "https://eu1", "oncall@corp", require_reason=True)
    async with desk(make_snapshot(), session=acting(scope=scope)) as d:
        screen = await open_scale(d)
        assert "reason, required:" in d.text
        await d.press("tab", "enter")
        assert "a reason is required" in d.screen.message_text
        assert screen.confirmation.reason.typing
        await d.type("INC-4471 s")
        await d.press("enter", "tab", "enter")
        await d.until(lambda: d.screen.where is ScreenId.ACTION)
        assert [asked[2:] for asked in started(d)] == [("INC-4471 s", "Apply")]
        assert "INC-4471 s" in d.text


async def test_an_old_plan_is_made_again_and_what_is_different_is_shown_before_anything_is_sent() -> None:
    plans = [
        lambda request: make_plan(request, made_at=time.time() - TOO_OLD),
        lambda request: make_plan(
            request, title="Scale it from 5", checks=(Check("permission", Verdict.WARN, "not any more"),)
        ),
    ]
    session = ScriptedSession(acts=ScriptedActing(make=_in_turn(plans)))
    async with desk(make_snapshot(), session=session) as d:
        screen = await open_scale(d)
        await d.press("tab", "enter")
        await d.until(lambda: "the plan has changed, and nothing was sent" in d.screen.message_text)
        assert started(d) == []
        assert "it is now: Scale it from 5" in d.text
        assert "permission: not any more (was pass)" in d.text
        assert screen.confirmation.cancel.has_focus
        await d.press("tab", "enter")
        await d.until(lambda: d.screen.where is ScreenId.ACTION)
        assert screen.plan is not None
        assert [asked[1] for asked in started(d)] == [screen.plan.id]
        assert len([asked for asked in session.acts.asked if asked[0] == "plan"]) == 2


async def test_an_old_plan_that_still_holds_is_applied_as_it_was_made_again() -> None:
    old: Callable[[Request], Plan] = lambda request: make_plan(request, made_at=time.time() - TOO_OLD)  # noqa: E731
    session = ScriptedSession(acts=ScriptedActing(make=_in_turn([old, make_plan])))
    async with desk(make_snapshot(), session=session) as d:
        screen = await open_scale(d)
        first = screen.plan
        await d.press("tab", "enter")
        await d.until(lambda: d.screen.where is ScreenId.ACTION)
        assert first is not None
        assert [asked[1] for asked in started(d)] != [first.id]


async def test_a_target_that_changes_meanwhile_is_said_and_planned_again() -> None:
    snapshot = make_snapshot()
    workload = snapshot.workloads[WORST]
    touched = replace(workload, generation=workload.generation + 1)
    async with desk(snapshot, session=acting()) as d:
        await open_scale(d)
        await d.deliver(replace(snapshot, workloads={**snapshot.workloads, WORST: touched}))
        assert "has changed since this was planned" in d.screen.message_text
        await d.press("tab", "enter")
        await d.until(lambda: d.screen.where is ScreenId.ACTION)
        assert [asked[0] for asked in d.session.acts.asked] == ["plan", "plan", "start"]


async def test_requests_and_diff_are_shown_on_demand() -> None:
    async with desk(make_snapshot(), session=acting(diff="--- a\n+++ b\n-image: v1\n+image: v2")) as d:
        await open_scale(d)
        assert "PATCH /apis/x" not in d.text
        await d.press("r")
        assert "PATCH /apis/x?fieldManager=quarterdeck&fieldValidation=Strict" in d.text
        assert '"replicas": 3' in d.text
        await d.press("r", "v")
        assert "PATCH /apis/x" not in d.text
        assert "+image: v2" in d.text


async def test_an_alternative_is_planned_instead_by_its_key() -> None:
    other = Scale(target(), 2)
    session = acting(alternatives=(Alternative("scale to 2", other, "there is room for it"),))
    async with desk(make_snapshot(), session=session) as d:
        await open_scale(d)
        assert "there is room for it" in d.line_with("1  scale to 2")
        await d.press("1")
        await d.until(lambda: len(session.acts.asked) == 2)
        assert session.acts.asked[1] == ("plan", other)
        assert isinstance(d.screen, PlanScreen)
        await d.press("escape")
        assert d.desk.navigator.front is d.app.screen_stack[1]


async def test_what_cannot_be_planned_says_why() -> None:
    session = ScriptedSession()
    session.acts.fails = SessionError("Deployment mixtral-8x22b is not the one that was chosen", "Choose it again.")
    async with desk(make_snapshot(), session=session) as d:
        await d.press("r")
        await d.until(lambda: "no plan could be made" in d.text)
        assert "is not the one that was chosen" in d.text
        assert "Choose it again." in d.text
        await d.press("tab", "enter")
        assert started(d) == []


async def test_what_start_refuses_is_said_and_the_plan_stays() -> None:
    session = acting()
    async with desk(make_snapshot(), session=session) as d:
        await open_scale(d)
        session.acts.fails = SessionError("the audit log cannot be written")
        await d.press("tab", "enter")
        await d.until(lambda: "the audit log cannot be written" in d.screen.message_text)
        assert d.screen.where is ScreenId.PLAN


async def test_the_target_is_what_was_under_the_cursor_when_the_key_went_down() -> None:
    """The line is open; the workload goes, and another takes its row and even its name."""
    snapshot = make_snapshot()
    again = replace(snapshot.workloads[WORST], uid="another")
    async with desk(snapshot, session=acting()) as d:
        await d.press("colon")
        await d.type("restart")
        await d.deliver(replace(snapshot, workloads={**snapshot.workloads, WORST: again}))
        await d.press("enter")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        assert d.session.acts.asked == [("plan", Restart(target()))]


async def test_pods_are_drained_together_when_they_are_marked() -> None:
    snapshot = make_snapshot()
    one, two = snapshot.pods_of[WORST][:2]
    async with desk(snapshot, session=acting()) as d:
        for key in (one, two):
            d.grid.move_to(key)
            await d.press("space")
        await d.press("ctrl+d")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        ((_, request),) = d.session.acts.asked
        assert isinstance(request, Drain)
        chosen = [request.target, *request.others]
        assert {pod.uid for pod in chosen} == {snapshot.pods[one].uid, snapshot.pods[two].uid}


async def test_a_workload_is_not_drained_and_on_a_pod_its_workload_is_scaled() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot, session=acting()) as d:
        await d.press("ctrl+d")
        assert "Drain: this is a workload; its pods are below it" in d.screen.message_text
        d.grid.move_to(snapshot.pods_of[WORST][0])
        await d.press("s")
        assert f"replicas of {snapshot.workloads[WORST].name}" in d.text
        await d.press(*"7", "enter")
        ((_, request),) = d.session.acts.asked
        assert isinstance(request, Scale)
        assert request.target.uid == snapshot.workloads[WORST].uid


async def test_of_marked_pods_the_workload_is_not_meant() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot, session=acting()) as d:
        d.grid.move_to(snapshot.pods_of[WORST][0])
        await d.press("space", "s")
        assert "this is a pod" in d.screen.message_text
        assert d.session.acts.asked == []


async def test_nodes_are_cordoned_and_drained_on_their_screen() -> None:
    snapshot = make_snapshot()
    name = next(name for name, node in snapshot.nodes.items() if not node.unschedulable)
    async with desk(snapshot, session=acting()) as d:
        await d.press("o")
        d.grid.move_to(name)
        await d.settle()
        await d.press("u")
        assert "it is not cordoned" in d.screen.message_text
        await d.press("r")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        node = Target("Node", "", name, snapshot.nodes[name].uid, snapshot.cluster.id)
        assert d.session.acts.asked == [("plan", DrainNode(node))]


async def test_revisions_are_listed_and_one_is_rolled_back_to() -> None:
    def revision(number: int, image: str, *, current: bool = False) -> Revision:
        version = ModelVersion(f"vllm/vllm-openai:{image}", "sha256:abcdef0123", "mistral/mixtral", "", "rev1")
        created = time.time() - 7200
        return Revision(f"web-{number}", number, f"{number}", created, "bump", "helm", current, 2, version, ())

    session = acting()
    session.acts.found = (revision(8, "v0.32", current=True), revision(7, "v0.31"))
    async with desk(make_snapshot(), size=(190, 40), session=session) as d:
        await d.press("b")
        await d.until(lambda: "8 current" in d.text)
        assert "vllm-openai:v0.31 (abcdef01)" in d.line_with("v0.31")
        assert "2h" in d.line_with("v0.31")
        assert "image v0.32 → v0.31" in d.line_with("web-7")
        await d.press("enter")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        assert session.acts.asked[-1] == ("plan", RollBack(target(), "web-7"))
        await d.press("escape", "up", "enter")
        assert "that is what runs now" in d.screen.message_text


async def test_what_this_identity_may_not_do_is_shown_as_disabled_with_the_reason() -> None:
    session = acting()
    session.acts.forbidden = {"scale": "you may not patch deployments/scale.apps in serving"}
    async with desk(make_snapshot(), size=(76, 60), session=session) as d:
        assert "s scale" not in d.lines[-1]
        await d.press("s")
        assert d.screen.message_text == "Scale: you may not patch deployments/scale.apps in serving"
        await d.press("question_mark")
        assert "disabled: you may not patch deployments/scale.apps" in " ".join(d.text.split())


def _in_turn(plans: list[Callable[[Request], Plan]]) -> Callable[[Request], Plan]:
    left = list(plans)
    return lambda request: left.pop(0)(request)


def stepping(before: str, after: str, **fields: object) -> ScriptedSession:
    return acting(changes=(Change("replicas", before, after),), **fields)


@SIZES
@pytest.mark.parametrize(("before", "after"), [("6", "65"), ("5", "15"), ("0", "10"), ("6", "0"), ("1", "0")])
async def test_a_large_step_asks_for_its_number_again(before: str, after: str, size: tuple[int, int]) -> None:
    async with desk(make_snapshot(), size=size, session=stepping(before, after)) as d:
        screen = await open_scale(d, after)
        assert f"from {before} to {after} replicas: type {after} to apply" in d.text
        await d.press("tab", "tab", "enter")
        assert screen.confirmation.number.typing
        await d.type("5")
        await d.press("enter")
        assert f"type {after} to continue" in d.screen.message_text
        assert started(d) == []
        await d.press("backspace")
        await d.type(after)
        await d.press("enter")
        assert screen.confirmation.cancel.has_focus
        await d.press("tab", "enter")
        await d.until(lambda: d.screen.where is ScreenId.ACTION)
        assert [asked[2:] for asked in started(d)] == [("", f"typed {after}, then Apply")]


@pytest.mark.parametrize(
    ("before", "after"), [("6", "12"), ("4", "13"), ("3", "9"), ("30", "60"), ("60", "1"), ("0", "9")]
)
async def test_a_small_step_does_not(before: str, after: str) -> None:
    async with desk(make_snapshot(), session=stepping(before, after)) as d:
        screen = await open_scale(d, after)
        assert not screen.confirmation.number.display
        await d.press("tab", "enter")
        await d.until(lambda: d.screen.where is ScreenId.ACTION)


async def test_a_large_step_in_production_takes_the_name_and_the_number() -> None:
    async with desk(make_snapshot(), session=stepping("6", "65", scope=PRODUCTION)) as d:
        await open_scale(d, "65")
        await d.press("tab", "enter")
        await d.type(NAME)
        await d.press("enter")
        await d.type("65")
        await d.press("enter", "tab", "enter")
        await d.until(lambda: d.screen.where is ScreenId.ACTION)
        assert [asked[2:] for asked in started(d)] == [("", f"typed {NAME} and 65, then Apply")]
