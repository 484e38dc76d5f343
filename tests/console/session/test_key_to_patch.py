"""The path from a key to the plan on the screen, and from the confirming key to the PATCH: calls on the way are counted
where the path is cut, as are those from a screen that describes an object to the read of it.

A stack ends where work is handed on: to a worker beside the keys (Textual's ``run_worker``), to the other thread
(``Bridge.call``), to the task of the action (``Run.go``). The stacks that stand there and at ``KubeClient.send`` are
recorded one after the other, each up to the event loop that called it. A hop is a function of our packages on one of
them, between the screen's handler of the key and the client that sends; comprehensions are no functions. A hop only
forwards where all that it does is to hand its own parameters to one other function.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import sys
import textwrap
from asyncio.events import Handle
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from actions.kinds.restart.action import RestartAction
from actions.running.run import Run
from console.app.navigator import Navigator
from console.screens.base import ConsoleScreen
from console.screens.page import Page
from console.session.bridge import Bridge
from console.session.bridged_reads import BridgedReads
from console.session.cluster_reader import ClusterReader
from fleet.model.objects import ObjectRef
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.reads import KubeReads
from tests.console.session.test_actions import acting, unscaled

OURS = ("actions", "console", "fleet", "themes", "widgets")
MOST = 10


class Way:
    """The calls on the way, outermost caller first."""

    def __init__(self) -> None:
        self.codes: dict[str, CodeType] = {}

    @property
    def hops(self) -> list[str]:
        """The functions, each where it was entered first."""
        return [*self.codes]

    def forwarding(self) -> list[str]:
        """The hops that only forward."""
        return [name for name, code in self.codes.items() if _only_forwards(code)]

    def stops_at(self, method: Callable[..., Any], when: Callable[..., bool] = lambda *_: True) -> Callable[..., Any]:
        """The method, which adds its stack, and itself, to the way."""

        def recorded(*arguments: Any, **named: Any) -> Any:
            if when(*arguments, **named):
                ours = method.__module__.partition(".")[0] in OURS
                for code in (*_stack(), *([inspect.unwrap(method).__code__] if ours else ())):
                    self.codes.setdefault(code.co_qualname, code)
            return method(*arguments, **named)

        return recorded


def _only_forwards(code: CodeType) -> bool:
    """True if all that a function does is to call one other with parameters of its own, as they are."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(code))).body
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    found = [one for one in function.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    if len(found) != 1 or not isinstance(found[0], ast.Expr | ast.Return):
        return False
    call = found[0].value
    call = call.value if isinstance(call, ast.Await) else call
    if not isinstance(call, ast.Call) or any(isinstance(one, ast.Call) for one in ast.walk(call.func)):
        return False
    return all(isinstance(one, ast.Name) for one in (*call.args, *(keyword.value for keyword in call.keywords)))


def _stack() -> list[CodeType]:
    """Our functions on the stack."""
    found = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code is not Handle._run.__code__:
        room = frame.f_globals.get("__name__", "").partition(".")[0]
        if room in OURS and frame.f_code.co_name not in {"<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>"}:
            found.append(frame.f_code)
        frame = frame.f_back
    return found[::-1]


async def test_a_key_becomes_a_patch_in_few_hops(monkeypatch: pytest.MonkeyPatch) -> None:
    way = Way()

    def applies(_: ConsoleScreen, __: object, group: str = "", **___: object) -> bool:
        return group == "apply"

    def starts(_: Bridge, question: Any) -> bool:
        return inspect.iscoroutine(question) and question.__qualname__.endswith(".start")

    def patches(_: KubeClient, method: str, path: str, query: Any = None, **__: Any) -> bool:
        return method == "PATCH" and path.endswith("/scale") and not dict(query or {}).get("dryRun")

    async with acting() as stage:
        stage.move_to(unscaled(stage.snapshot))
        await stage.pilot.pause()
        await stage.line("scale -1")
        await stage.planned()
        monkeypatch.setattr(ConsoleScreen, "run_worker", way.stops_at(ConsoleScreen.run_worker, applies))
        monkeypatch.setattr(Bridge, "call", way.stops_at(Bridge.call, starts))
        monkeypatch.setattr(Run, "go", way.stops_at(Run.go))
        monkeypatch.setattr(KubeClient, "send", way.stops_at(KubeClient.send, patches))
        await stage.pilot.press("tab", "enter")
        await stage.until(lambda: "KubeClient.send" in way.hops)
    key, *hops, sent = way.hops
    assert (key, sent) == ("PlanScreen.on_push_button_pressed", "KubeClient.send")
    # None of the cuts has lost a piece of the way.
    assert {"PlanScreen._go", "ActionSite.start", "ScaleAction.execute", "Execution.send"} <= set(hops)
    assert len(hops) < MOST, hops
    assert way.forwarding() == []


async def test_a_key_becomes_a_plan_on_the_screen_in_few_hops(monkeypatch: pytest.MonkeyPatch) -> None:
    way = Way()

    def plans(_: ConsoleScreen, __: object, group: str = "", **___: object) -> bool:
        return group == "plan"

    def asks(_: Bridge, question: Any) -> bool:
        return inspect.iscoroutine(question) and question.__qualname__.endswith(".plan")

    def shown(_: Page, draw: Callable[..., Any]) -> bool:
        return draw.__qualname__.startswith("PlanScreen.")

    async with acting() as stage:
        stage.move_to(unscaled(stage.snapshot))
        await stage.pilot.pause()
        monkeypatch.setattr(Navigator, "open", way.stops_at(Navigator.open))
        monkeypatch.setattr(ConsoleScreen, "run_worker", way.stops_at(ConsoleScreen.run_worker, plans))
        monkeypatch.setattr(Bridge, "call", way.stops_at(Bridge.call, asks))
        monkeypatch.setattr(RestartAction, "plan", way.stops_at(RestartAction.plan))
        monkeypatch.setattr(Page, "show", way.stops_at(Page.show, shown))
        await stage.pilot.press("r")
        await stage.planned()
    hops = way.hops
    key, planned = hops.index("ConsoleScreen.action_command"), hops.index("RestartAction.plan")
    there, back = hops[key + 1 : planned], hops[planned + 1 :]
    # None of the cuts has lost a piece of the way.
    assert {"CommandRunner.perform", "PlanScreen._load", "ActionSite.plan", "ClusterExecutor.plan"} <= set(there)
    assert len(there) <= MOST, there
    assert way.forwarding() == []
    assert back == ["PlanScreen._show_plan", "PlanScreen._draw_page", "Page.show"]


async def test_describe_is_three_hops_from_the_screen_to_the_read(monkeypatch: pytest.MonkeyPatch) -> None:
    way = Way()
    answer = Mock(json=lambda: {"kind": "Pod", "metadata": {"name": "chat-0"}})
    reads = KubeReads(Mock(get=AsyncMock(return_value=answer)))
    reader = ClusterReader(reads, (), Mock(), Mock(), Mock())
    asked = BridgedReads(Bridge(asyncio.get_running_loop()), Mock(reader=lambda _: reader))
    monkeypatch.setattr(Bridge, "call", way.stops_at(Bridge.call))
    monkeypatch.setattr(KubeReads, "get_raw", way.stops_at(KubeReads.get_raw))
    assert "chat-0" in await asked.describe(ObjectRef("Pod", "serving", "chat-0"))
    *hops, read = way.hops
    assert hops == ["BridgedReads.describe", "Bridge.call", "ClusterReader.describe"]
    assert read == "KubeReads.get_raw"
    assert way.forwarding() == []


def test_what_only_forwards_is_found() -> None:
    class Desk:
        async def plan(self, request: str) -> str:
            """A docstring."""
            return await self.planned(request)

        async def planned(self, request: str) -> str:
            return await self.plan(request.strip())

    assert _only_forwards(Desk.plan.__code__)
    assert not _only_forwards(Desk.planned.__code__)
