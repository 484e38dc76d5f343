"""A plan in words: complete, without side effects, and with its differences."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from actions.kinds.drain import Drain
from actions.kinds.local_up import LocalUp
from actions.kinds.restart import Restart
from actions.kinds.scale import Scale
from actions.planning.plan import (
    MERGE,
    Alternative,
    Change,
    Check,
    CheckTable,
    Mutation,
    Plan,
    Scope,
    Step,
    Undo,
    Verdict,
)
from actions.request import LOCAL, LOCAL_SERVER, Target, in_turn
from actions.running.action_run import ActionRun
from actions.running.progress import Load, Outcome, Progress, Result
from console.views.action_runs import action_run_lines, action_run_title, announcement, going_on, outcome_lines
from console.views.plan import confirm_line, differences, plan_lines, plan_title, request_lines, table_lines
from fleet.local.spec import LaunchSpec
from themes.glyphs import ASCII, UNICODE, Glyphs
from themes.palette import Role
from widgets.line import Line, spans_width

TARGET = Target("Deployment", "serving", "chat-70b", "u1")
LONG = "a sentence that goes on and on until no terminal of any width that people use has room for all of it at once"
MUTATION = Mutation(
    "PATCH", "/apis/apps/v1/namespaces/serving/deployments/chat-70b/scale", {"spec": {"a": LONG}}, MERGE
)
PLAN = Plan(
    request=Scale(TARGET, 3),
    scope=Scope("prod-eu1", "https://eu1", "oncall@corp", production=True),
    title="Scale chat-70b from 2 to 3",
    made_at=1.0,
    steps=(Step("set 3 replicas", LONG, (MUTATION,)), Step(LONG)),
    checks=(
        Check("permission", Verdict.PASS, LONG),
        Check("spare GPUs", Verdict.WARN, LONG, LONG),
        Check("autoscaler", Verdict.BLOCK, LONG),
    ),
    changes=(Change("replicas", "2", "3"), Change("arguments", LONG, LONG)),
    impact=(Change("KV", "92%", "97%"),),
    tables=(
        CheckTable(
            "memory of each GPU", ("what", "GiB", "from"), (("weights", "141", LONG), ("KV cache", "9.6", LONG))
        ),
        CheckTable("everything", ("one", "two", "three"), ((LONG, LONG, LONG),)),
    ),
    alternatives=(Alternative("pin it", Restart(TARGET), LONG),),
    diff=f"--- a\n+++ b\n-{LONG}\n+{LONG}!",
    undo=Undo(LONG),
)


def words(lines: list[Line]) -> str:
    return " ".join(" ".join("".join(span.text for span in line.spans) for line in lines).split())


@pytest.mark.parametrize("width", [60, 80, 120, 250])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_nothing_of_a_plan_is_cut(width: int, glyphs: Glyphs) -> None:
    lines = plan_lines(PLAN, width, glyphs, diff=True, requests=True)
    assert max(spans_width(line.spans) for line in lines) <= width
    # Step and its detail, three checks and a fix, both sides of a change, two tables, the alternative, undo.
    assert words(lines).count(LONG) >= 14
    for line in (plan_title(PLAN, width, glyphs), confirm_line(PLAN, width, glyphs, more=12)):
        assert spans_width(line.spans) <= width


def test_what_is_confirmed_names_all_pods_of_a_drain() -> None:
    pods = [Target("Pod", "serving", f"chat-{number}", f"uid-{number}") for number in range(3)]
    plan = replace(PLAN, request=Drain(pods[0], others=tuple(pods[1:])))
    assert "Pod chat-0 and 2 more" in words([confirm_line(plan, 120, UNICODE)])
    assert "more" not in words([confirm_line(replace(plan, request=Drain(pods[0])), 120, UNICODE)])


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [
        (("serving", "serving"), "prod-eu1 › serving "),
        (("serving", "batch"), "prod-eu1 › serving, batch "),
        (("a", "b", "c", "d"), "prod-eu1 › a, b and 2 more "),
    ],
)
def test_a_plan_of_several_names_all_their_namespaces(namespaces: tuple[str, ...], expected: str) -> None:
    parts = [Scale(Target("Deployment", each, f"chat-{at}", f"u{at}"), 3) for at, each in enumerate(namespaces)]
    assert expected in words([plan_title(replace(PLAN, request=in_turn(parts)), 160, UNICODE)])


def test_numbers_of_a_table_stand_at_the_right_of_their_column() -> None:
    table = CheckTable(
        "memory", ("what", "GiB", "from"), (("weights", "141", "index"), ("KV", "9.6", ""), ("free", "", "x"))
    )
    rows = ["".join(span.text for span in line.spans).rstrip() for line in table_lines(table, 80, UNICODE)]
    assert rows == [
        " MEMORY",
        "   what     GiB  from",
        "   weights  141  index",
        "   KV       9.6",
        "   free          x",
    ]


def test_a_table_from_outside_does_nothing() -> None:
    table = CheckTable("a\x1b[2Jb", ("x\x07",), (("\x1b]0;t\x07y",),))
    assert words(table_lines(table, 80, UNICODE)) == "AB x y"


def test_what_forbids_stands_first() -> None:
    text = words(plan_lines(PLAN, 200, UNICODE))
    assert text.index("■ autoscaler") < text.index("▲ spare GPUs") < text.index("● permission")


def test_what_comes_from_outside_does_nothing() -> None:
    evil = "\x1b[2J\x1b]0;x\x07pod\nname"
    plan = replace(
        PLAN,
        title=evil,
        steps=(Step(evil, evil, (replace(MUTATION, path=evil, body={"a": evil}),)),),
        checks=(Check(evil, Verdict.WARN, evil, evil),),
        changes=(Change(evil, evil, evil),),
        diff=f"+{evil}",
        undo=Undo(evil),
        scope=Scope(evil, evil, evil),
    )
    action_run = ActionRun(plan, evil, 1.0, (Progress(0, evil, 1.0),), Outcome(Result.FAILED, evil, evil))
    lines = [
        *plan_lines(plan, 100, UNICODE, diff=True, requests=True),
        plan_title(plan, 100, UNICODE),
        *action_run_lines(action_run, 100, UNICODE),
        action_run_title(action_run, 2.0, 100, UNICODE),
    ]
    assert [line for line in lines for span in line.spans if not span.text.isprintable()] == []
    assert announcement(action_run)[0].isprintable()
    assert all(line.isprintable() for line in going_on([replace(action_run, outcome=None)]))


def test_requests_are_shown_as_they_will_be_sent() -> None:
    text = words(request_lines([MUTATION, Mutation("DELETE", "/api/v1/x", query={})], 200))
    assert f"PATCH {MUTATION.path}?fieldManager=quarterdeck&fieldValidation=Strict {MERGE}" in text
    assert f'"a": "{LONG}"' in text
    assert text.endswith("DELETE /api/v1/x")


def test_what_is_different_is_told_and_numbers_of_load_are_not() -> None:
    load = replace(
        PLAN,
        impact=(Change("KV", "91%", "96%"),),
        checks=(replace(PLAN.checks[0], text="31 requests"), *PLAN.checks[1:]),
    )
    assert differences(PLAN, load) == []
    better = replace(PLAN, checks=(Check("autoscaler", Verdict.PASS, "gone"), *PLAN.checks[:2]))
    assert differences(PLAN, better) == ["autoscaler: gone (was block)"]
    fewer = replace(PLAN, checks=PLAN.checks[:2])
    assert differences(PLAN, fewer) == ["autoscaler: no longer checked"]
    other = replace(PLAN, steps=(Step("set", "", (replace(MUTATION, body={"spec": 1}),)),))
    assert differences(PLAN, other) == ["the requests have changed, because the target has changed"]
    assert differences(PLAN, replace(PLAN, title="Scale chat-70b from 5 to 3")) == [
        "it is now: Scale chat-70b from 5 to 3"
    ]


def test_who_leaves_is_told_what_goes_on_without_them() -> None:
    here = replace(PLAN, request=LocalUp(Target(LOCAL_SERVER, LOCAL, "tiny"), LaunchSpec("tiny", "org/tiny")))
    cluster, server = ActionRun(PLAN, "", 1.0), ActionRun(here, "", 1.0)
    assert "the cluster continues with it by itself" in going_on([cluster])[-1]
    assert "a server that is loading or stopping continues by itself" in going_on([server])[-1]
    assert "the cluster, or the server, continues" in going_on([cluster, server])[-1]


def test_each_line_of_an_outcome_stands_by_itself() -> None:
    outcome = Outcome(Result.STOPPED, "stopped after 1 of 2 levels\n1 at once: 337 tokens/s", "look at them")
    lines = ["".join(span.text for span in line.spans).strip() for line in outcome_lines(outcome, 100, UNICODE)]
    assert lines == [*outcome.text.splitlines(), outcome.remedy]


def test_what_is_over_is_announced_in_the_colour_of_its_result() -> None:
    def told(result: Result, text: str) -> tuple[str, Role]:
        return announcement(ActionRun(PLAN, "", 1.0, outcome=Outcome(result, text)))

    assert told(Result.CONVERGED, "3 ready") == (f"{PLAN.title}: converged, 3 ready", Role.OK)
    assert told(Result.STOPPED, "stopped; done: x") == (f"{PLAN.title}: stopped; done: x", Role.WARNING)
    assert told(Result.FAILED, "it died\nits log")[0] == f"{PLAN.title}: failed, it died; its log"
    assert told(Result.FAILED, "") == (f"{PLAN.title}: failed", Role.ERROR)
    with pytest.raises(ValueError, match="still running"):
        announcement(ActionRun(PLAN, "", 1.0))


def felt(before: Load, after: Load) -> str:
    return words(outcome_lines(Outcome(Result.CONVERGED, "", before=before, after=after), 100, UNICODE))


def test_what_users_felt_is_compared_with_numbers_alone() -> None:
    full, queue, none = Load(1.0, 4.0, 0.8, 0.01), Load(2.0, 2.0), Load(2.0)
    assert "queue 4 → 2" in felt(full, queue)
    assert re.search(r"TTFT p95 0?\.?8\S* before, not measured now", felt(full, queue)), felt(full, queue)
    assert "now, not measured before" in felt(queue, full)
    assert "nothing is measured now, so there is nothing to compare" in felt(full, none)
    assert "nothing was measured before, so there is nothing to compare" in felt(none, full)
    assert "FELT" not in felt(none, none)
    for text in (felt(full, queue), felt(queue, full), felt(full, none), felt(queue, Load(3.0, math.nan))):
        assert "–" not in text


def test_undo_is_promised_where_it_would_be_planned_and_else_it_is_said_why_not() -> None:
    plan = replace(PLAN, undo=Undo("scale back to 2", Scale(TARGET, 2)))
    over = ActionRun(plan, "", 1.0, outcome=Outcome(Result.CONVERGED, "done"))
    assert "scale back to 2 (z plans it)" in words(action_run_lines(over, 100, UNICODE))
    assert "scale back to 2 (not by z: it was already undone)" in words(
        action_run_lines(over, 100, UNICODE, "it was already undone")
    )
    assert "z" not in words(action_run_lines(replace(over, outcome=None), 100, UNICODE)).partition("undo")[2]
