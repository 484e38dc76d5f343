"""Actions that were confirmed: followed, left and come back to, announced, stopped, taken back."""

from __future__ import annotations

import time

from actions.kinds.scale import Scale
from actions.planning.plan import Plan
from actions.request import Target
from actions.running.progress import Load, Outcome, Progress, Result
from console.commands.command import ScreenId
from console.config.options import Options
from console.screens.plan import PlanScreen
from console.session.failure import SessionError
from tests.console.screens.desk import SIZES, Desk, desk
from tests.console.screens.scripted import ScriptedActing, ScriptedSession, make_plan
from tests.fleets import make_snapshot

TARGET = Target("Deployment", "serving", "mixtral-8x22b", "u1")
CONVERGED = Outcome(
    Result.CONVERGED,
    "3 of 3 ready",
    before=Load(0.0, 41.0, 2.4, 0.02),
    after=Load(60.0, 3.0, 0.5, 0.0),
)


async def begin(d: Desk, number: int = 3) -> Plan:
    """An action that is under way, as if its plan had been confirmed."""
    plan = make_plan(Scale(TARGET, number), title=f"Scale mixtral-8x22b to {number}")
    assert d.desk.actions.service is not None
    await d.desk.actions.service.start(plan, "INC-1", "Apply")
    await d.settle()
    return plan


def said(d: Desk, plan: Plan, *progress: Progress, outcome: Outcome | None = None) -> None:
    d.session.acts.come_on(plan.id, progress=progress, outcome=outcome)


@SIZES
async def test_an_action_is_followed_step_by_step_with_counts_and_what_is_left(size: tuple[int, int]) -> None:
    async with desk(make_snapshot(), size=size) as d:
        plan = await begin(d)
        await d.press("t", "enter")
        assert d.screen.where is ScreenId.ACTION
        assert "under way for" in d.line_with("Scale mixtral")
        assert d.line_with("send it").split()[:2] == ["◐", "1"]
        now = time.time()
        said(d, plan, Progress(0, "sent", now), Progress(1, "loading weights", now, 2, 3, 70.0))
        await d.settle()
        assert d.line_with("send it").split()[:2] == ["✓", "1"]
        assert d.line_with("wait until").split()[:2] == ["◐", "2"]
        assert "2 of 3   about 1m10s more" in d.text
        assert "loading weights" in d.text
        said(d, plan, Progress(0, "sent", now), Progress(1, "starting, 9 s", now, eta=31.0))
        await d.settle()
        assert "starting, 9 s, about 31s more" in d.text
        said(d, plan, Progress(0, "sent", now), Progress(1, "", now, 3, 3), outcome=CONVERGED)
        await d.settle()
        assert d.line_with("wait until").split()[:2] == ["✓", "2"]
        assert "converged, 3 of 3 ready" in d.text
        assert "41 → 3" in d.line_with("queue ")
        assert "2.40s → 500ms" in d.line_with("TTFT p95")
        assert "2.0% → 0%" in d.line_with("errors")
        assert "INC-1" in d.text
        assert "under way" not in d.lines[0]


async def test_what_is_over_is_announced_on_whatever_screen_is_in_front() -> None:
    async with desk(make_snapshot()) as d:
        plan = await begin(d)
        assert "1 action under way" in d.lines[0]
        await begin(d, 4)
        assert "2 actions under way" in d.lines[0]
        await d.press("o")
        said(d, plan, outcome=Outcome(Result.FAILED, "quota exceeded"))
        await d.settle()
        assert d.screen.where is ScreenId.NODES
        assert d.screen.message_text == "Scale mixtral-8x22b to 3: failed, quota exceeded"
        assert "1 action under way" in d.lines[0]
        await d.press("t")
        assert ["4" in d.lines[2], "3" in d.lines[3]] == [True, True]
        assert "step" not in d.lines[3]
        assert "failed" in d.lines[3]


async def test_a_conflict_offers_a_new_plan() -> None:
    async with desk(make_snapshot()) as d:
        plan = await begin(d)
        await d.press("t", "enter")
        assert "p plan again" not in d.lines[-1]
        said(d, plan, outcome=Outcome(Result.CONFLICT, "the object has been modified", "plan it again"))
        await d.settle()
        assert "the object has been modified" in d.text
        assert "p plan again" in d.lines[-1]
        await d.press("p")
        await d.until(lambda: isinstance(d.screen, PlanScreen))
        assert ("plan", Scale(TARGET, 3)) in d.session.acts.asked


async def test_to_stop_is_asked_and_to_let_it_go_on_has_the_focus() -> None:
    async with desk(make_snapshot()) as d:
        plan = await begin(d)
        await d.press("t", "enter", "x")
        assert "Stop: Scale mixtral-8x22b to 3?" in d.text
        assert "What was sent stays sent" in d.text
        await d.press("enter")
        assert d.screen.where is ScreenId.ACTION
        assert ("stop", plan.id) not in d.session.acts.asked
        await d.press("x", "tab", "enter")
        assert ("stop", plan.id) in d.session.acts.asked


async def test_quitting_asks_while_actions_are_under_way() -> None:
    async with desk(make_snapshot()) as d:
        plan = await begin(d)
        said(d, plan, Progress(1, "1 of 3 ready", time.time()))
        await d.press("ctrl+c")
        assert not d.app._exit
        assert "Scale mixtral-8x22b to 3: step 2 of 2, wait until they are ready, 1 of 3 ready" in d.text
        assert "What was sent stays sent" in d.text
        await d.press("enter")
        assert not d.app._exit
        assert d.screen.where is ScreenId.FLEET
        await d.press("ctrl+c")
        await d.pilot.press("tab", "enter")
        await d.until(lambda: d.app._exit)


async def test_quitting_does_not_ask_when_everything_is_over() -> None:
    async with desk(make_snapshot()) as d:
        said(d, await begin(d), outcome=CONVERGED)
        await d.settle()
        await d.pilot.press("ctrl+c")
        await d.until(lambda: d.app._exit)


async def test_no_other_cluster_comes_into_view_while_actions_are_under_way() -> None:
    async with desk(make_snapshot()) as d:
        plan = await begin(d)
        await d.command("ctx staging")
        await d.until(lambda: "actions are still running here" in d.screen.message_text)
        assert d.session.asked == []
        said(d, plan, outcome=CONVERGED)
        await d.settle()
        await d.command("ctx staging")
        await d.until(lambda: d.session.asked == [("switch", "staging", None)])


async def test_another_namespace_comes_into_view_whatever_is_under_way() -> None:
    async with desk(make_snapshot()) as d:
        await begin(d)
        await d.press("0")
        await d.until(lambda: d.session.asked == [("switch", None, "")])


async def test_undo_is_planned_like_everything_else() -> None:
    session = ScriptedSession(acts=ScriptedActing(last=Scale(TARGET, 2)))
    async with desk(make_snapshot(), session=session) as d:
        await d.press("z")
        await d.until(lambda: isinstance(d.screen, PlanScreen))
        assert session.acts.asked == [("undo", False), ("plan", Scale(TARGET, 2))]


async def test_undo_of_nothing_says_so() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("z")
        await d.until(lambda: "nothing was done" in d.screen.message_text)
        assert not [asked for asked in d.session.acts.asked if asked[0] == "start"]


async def test_actions_of_nothing_say_where_older_ones_are() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("t")
        assert "nothing was done in this session; :audit shows" in d.screen.message_text
        assert d.screen.where is ScreenId.FLEET


async def test_what_was_cut_off_is_said_at_the_start() -> None:
    session = ScriptedSession(acts=ScriptedActing(interrupted=[("Scale x", time.time())]))
    async with desk(make_snapshot(), session=session) as d:
        await d.until(lambda: "1 action was interrupted at" in d.screen.message_text)
        assert ":audit shows what was recorded" in d.screen.message_text


async def test_read_only_never_asks_for_what_acts_and_offers_none_of_it() -> None:
    async with desk(make_snapshot(), size=(140, 140), options=Options(read_only=True)) as d:
        assert not {"s scale", "r restart", "b roll back"} & {" ".join(h.split()) for h in d.lines[-1].split("  ")}
        await d.command("scale 3")
        assert d.screen.message_text == "Scale: not in read-only mode"
        await d.press("question_mark")
        assert not [line for line in d.lines if ":scale" in line or ":drain" in line or "Undo" in line]
        assert d.session.acted == 0


async def test_a_failing_look_at_the_log_is_said() -> None:
    class Unreadable(ScriptedActing):
        async def cut_off(self) -> list[tuple[str, float]]:
            raise SessionError("the audit log cannot be read: disk full")

    async with desk(make_snapshot(), session=ScriptedSession(acts=Unreadable())) as d:
        await d.until(lambda: "the audit log cannot be read" in d.screen.message_text)
