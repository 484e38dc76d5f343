"""Copied by one key: names, rows, cells, the kubectl command, the query; and hands on a mouse."""

from __future__ import annotations

from dataclasses import replace

from textual import events

from actions.kinds.scale import Scale
from actions.planning.plan import MERGE, Mutation, Step
from console.commands.command import ScreenId
from console.views import kubectl
from tests.console.screens.desk import Desk, desk
from tests.console.screens.plans import target
from tests.console.screens.scripted import ScriptedSession, make_plan
from tests.fleets import make_snapshot
from themes.palette import Role
from widgets.key_bar import Keybar


def _front(d: Desk) -> ScreenId:
    return d.screen.where


async def _click(d: Desk, line: str, at: str, button: int = 1) -> None:
    y = d.lines.index(d.line_with(line))
    await d.pilot.click(offset=(d.lines[y].index(at), y), button=button)
    await d.settle()


async def test_the_name_the_row_the_cell_and_the_commands_of_kubectl() -> None:
    snapshot = make_snapshot()
    key = snapshot.pods_of["serving/Deployment/llama-70b"][0]
    pod = snapshot.pods[key]
    async with desk(snapshot, session=ScriptedSession(log_lines=("one", "two"))) as d:
        d.grid.move_to(key)
        await d.press("ctrl+y")
        assert d.app.clipboard == pod.name
        assert "again copies the row" in d.screen.message_text
        await d.press("ctrl+y")
        assert d.app.clipboard.startswith(f"{pod.name}\t")
        # Bars and strips are drawings: their number is enough.
        assert not set(d.app.clipboard) & set("━╸─▁▂▃▄▅▆▇█")
        await d.press("ctrl+o")
        assert d.app.clipboard == f"kubectl --context prod-eu1 -n serving get pod {pod.name} -o wide"
        await _click(d, pod.name[-9:], pod.name[-9:], button=3)
        assert d.app.clipboard == pod.name
        await d.press("l")
        await d.until(lambda: "two" in d.text)
        await d.press("ctrl+y")
        assert d.app.clipboard == "one\ntwo"
        await d.press("ctrl+o")
        assert f"logs {pod.name} -c " in d.app.clipboard
        await d.press("escape", "d")
        await d.press("ctrl+o")
        assert d.app.clipboard == f"kubectl --context prod-eu1 -n serving describe pod {pod.name}"
        await d.press("escape", "v", "ctrl+g")
        assert "vllm:" in d.app.clipboard
        assert pod.name in d.app.clipboard


def test_a_plan_is_the_requests_that_kubectl_would_send() -> None:
    path = "/apis/apps/v1/namespaces/serving/deployments/chat/scale"
    evict = "/api/v1/namespaces/serving/pods/p-1/eviction"
    plan = make_plan(Scale(target(), 3))
    sent = (
        Mutation("PATCH", path, {"spec": {"replicas": 3}}, MERGE),
        Mutation("POST", evict, {"kind": "Eviction"}),
        Mutation("PATCH", "https://alerts/api/v2/silences", {}, MERGE),
    )
    lines = kubectl.of_plan(replace(plan, steps=(Step("send", "", sent),))).splitlines()
    where = f"kubectl --context {plan.scope.context}"
    assert lines == [
        (
            f"{where} -n serving patch deployments.apps chat --type merge -p "
            """'{"spec":{"replicas":3}}' --subresource scale"""
        ),
        f"""echo '{{"kind":"Eviction"}}' | {where} create --raw {evict} -f -""",
    ]


async def test_the_mouse_opens_with_the_second_click_and_presses_keys_and_names() -> None:
    snapshot = make_snapshot()
    key = snapshot.pods_of["serving/Deployment/llama-70b"][0]
    async with desk(snapshot) as d:
        d.grid.move_to(key)
        await _click(d, key[-9:], key[-9:])
        assert _front(d) is ScreenId.FLEET
        await _click(d, key[-9:], key[-9:])
        assert _front(d) is ScreenId.DETAIL
        await d.press("escape")
        bar = d.screen.query_one(Keybar)
        await d.pilot.click(bar, offset=(bar.shown_text[0].index("incidents"), 0))
        await d.settle()
        assert _front(d) is ScreenId.INCIDENTS
        d.screen.say("see :joins for it")
        await d.settle()
        await _click(d, "see :joins", ":joins")
        assert _front(d) is ScreenId.JOINS


async def test_a_click_elsewhere_and_the_wheel_hide_a_hint_as_a_key_does() -> None:
    async with desk(make_snapshot()) as d:
        for event in (events.MouseDown, events.MouseScrollDown, events.MouseScrollUp):
            d.screen.say("a hint")
            await d.settle()
            assert "a hint" in d.lines[-2]
            d.app.post_message(event(None, 20, 8, 0, 0, 1, False, False, False))
            await d.settle()
            assert "a hint" not in d.text
        d.screen.say("it failed", Role.ERROR)
        d.app.post_message(events.MouseDown(None, 20, 8, 0, 0, 1, False, False, False))
        await d.settle()
        assert "it failed" in d.text, "what is no answer to a key stays for its time"


async def test_a_click_on_the_worst_problem_opens_the_incidents_and_one_on_a_source_the_sources() -> None:
    async with desk(make_snapshot()) as d:
        await d.pilot.click(offset=(5, 1))
        await d.until(lambda: d.screen.where is ScreenId.INCIDENTS)
        await d.press("escape")
        header = d.lines[0]
        await d.pilot.click(offset=(header.index("kubernetes"), 0))
        await d.until(lambda: d.screen.where is ScreenId.SOURCES)
        await d.press("escape")
        await d.pilot.click(offset=(2, 0))
        assert d.screen.where is ScreenId.FLEET, "the cluster's name is no source"
