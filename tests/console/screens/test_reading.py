"""Logs, describe and YAML: text that is read on request."""

from __future__ import annotations

from dataclasses import replace

from console.session.failure import SessionError
from fleet.model.objects import Container, ObjectRef
from tests.console.screens.desk import desk
from tests.console.screens.scripted import ScriptedSession
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot
from widgets.log_buffer import LogLine
from widgets.log_view import LogView


async def test_logs_follow_pause_and_go_on() -> None:
    session = ScriptedSession(log_lines=tuple(f"line {i}" for i in range(100)))
    snapshot = make_snapshot()
    async with desk(snapshot, session=session, size=(80, 20)) as d:
        await d.press("down")
        pod = d.grid.cursor
        assert pod is not None
        await d.press("l")
        await d.until(lambda: "line 99" in d.text)
        assert session.asked == [
            ("logs", snapshot.ref("Pod", "serving", snapshot.pods[pod].name), "vllm", True, False, 0)
        ]
        session.more.put_nowait("the new line")
        await d.until(lambda: "the new line" in d.text)
        await d.press("f")
        assert "paused" in d.lines[1]
        session.more.put_nowait("a later line")
        await d.until(lambda: d.screen.query_one(LogView).end == 102)
        await d.settle()
        assert "a later line" not in d.text
        await d.press("f")
        await d.until(lambda: "a later line" in d.text)
        session.more.put_nowait(None)
        await d.until(lambda: "ended" in d.lines[1])


async def test_the_log_line_that_matters_is_two_keys_and_a_word_away() -> None:
    lines = [f"INFO step {i}" for i in range(500)]
    lines[250] = "ERROR EngineDeadError: CUDA out of memory"
    async with desk(make_snapshot(), session=ScriptedSession(log_lines=tuple(lines)), size=(80, 20)) as d:
        await d.press("l")
        await d.until(lambda: "INFO step 499" in d.text)
        await d.press("slash")
        await d.type("error")
        await d.press("enter")
        assert "CUDA out of memory" in d.text
        await d.press("escape", "escape")
        assert "MODEL · WORKLOAD" in d.text


async def test_logs_of_a_workload_are_those_of_its_worst_pod() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot) as d:
        await d.press("l")
        await d.until(lambda: bool(d.session.asked))
        pod = d.session.asked[0][1]
        assert isinstance(pod, ObjectRef)
        assert snapshot.assessments[f"serving/{pod.name}"].reason == "OOMKilled ×17"


async def test_previous_logs_do_not_follow() -> None:
    session = ScriptedSession(log_lines=("the last words",))
    async with desk(make_snapshot(), session=session) as d:
        await d.press("p")
        await d.until(lambda: "the last words" in d.text)
        assert session.asked[0][3:5] == (False, True)
        assert "previous container · ended" in d.lines[1]


async def test_when_a_line_was_written_is_one_key_away() -> None:
    session = ScriptedSession(log_lines=(LogLine("the words", 1_763_695_445.5),))
    async with desk(make_snapshot(), session=session) as d:
        await d.press("l")
        await d.until(lambda: "the words" in d.text)
        assert d.line_with("the words").startswith("the words")
        await d.press("t")
        assert d.line_with("the words").startswith("03:24:05 the words")
        await d.press("C")
        assert "the words" not in d.text


async def test_the_ranges_of_k9s_read_the_log_again() -> None:
    session = ScriptedSession(log_lines=("old",))
    async with desk(make_snapshot(), session=session) as d:
        await d.press("l")
        await d.until(lambda: "old" in d.text)
        session.log_lines = ("young",)
        await d.press("3")
        await d.until(lambda: "young" in d.text)
        assert "old" not in d.text
        assert "the last 5m" in d.lines[1]
        await d.press("0")
        await d.until(lambda: len(session.asked) == 3)
        assert [asked[-1] for asked in session.asked] == [0, 300, 0]
        assert "the last" not in d.lines[1]


async def test_containers_are_taken_in_turn_those_with_gpus_first() -> None:
    snapshot = make_snapshot()
    key = snapshot.pods_of[WORST][0]
    containers = (
        Container("init", "busybox", init=True),
        Container("proxy", "envoy"),
        Container("vllm", "vllm", gpus=4),
    )
    pods = {**snapshot.pods, key: replace(snapshot.pods[key], containers=containers)}
    async with desk(replace(snapshot, pods=pods)) as d:
        d.grid.move_to(key)
        await d.press("l")
        for name in ("vllm", "proxy", "init", "vllm"):
            await d.until(lambda name=name: f"› {name} " in d.lines[1])  # type: ignore[misc]
            await d.press("c")
        asked = [ask[2] for ask in d.session.asked]
        assert asked[:4] == ["vllm", "proxy", "init", "vllm"]


async def test_a_flood_of_log_lines_is_bounded() -> None:
    session = ScriptedSession(log_lines=tuple(str(i) for i in range(1000)))
    async with desk(make_snapshot(), session=session, size=(80, 20)) as d:
        await d.press("l")
        await d.until(lambda: "999" in d.text)
        for i in range(15_000):
            session.more.put_nowait(f"flood {i}")
        await d.until(lambda: "flood 14999" in d.text)
        assert "6000 lines dropped" in d.lines[1]


async def test_log_lines_from_outside_do_nothing() -> None:
    session = ScriptedSession(log_lines=("\x1b[2J\x1b]0;owned\x07[bold]plain",))
    async with desk(make_snapshot(), session=session) as d:
        await d.press("l")
        await d.until(lambda: "[bold]plain" in d.text)
        assert "owned" not in "".join(d.app.written)


async def test_logs_that_cannot_be_read_say_why() -> None:
    session = ScriptedSession(fails=SessionError("pods/log is forbidden", "ask for the role quarterdeck-oncall"))
    async with desk(make_snapshot(), session=session) as d:
        await d.press("l")
        await d.until(lambda: "pods/log is forbidden; ask for the role" in d.text)
        await d.press("escape")
        assert "MODEL · WORKLOAD" in d.text


async def test_describe_and_yaml_of_what_is_under_the_cursor() -> None:
    session = ScriptedSession(texts={"describe": "Name:  it\n" + "\n".join(f"Row {i}" for i in range(80))})
    snapshot = make_snapshot()
    async with desk(snapshot, session=session) as d:
        await d.press("down")
        pod = d.grid.cursor
        assert pod is not None
        ref = snapshot.ref("Pod", "serving", snapshot.pods[pod].name)
        await d.press("d")
        await d.until(lambda: "Name:  it" in d.text)
        assert f"describe {ref}" in d.lines[1]
        await d.press("G")
        assert "Row 79" in d.text
        await d.press("escape", "y")
        await d.until(lambda: "kind: Pod" in d.text)
        assert session.asked == [("describe", ref), ("yaml", ref)]


async def test_a_describe_that_fails_leaves_the_console_running() -> None:
    session = ScriptedSession(fails=SessionError("the API server does not answer", "is the VPN up?"))
    async with desk(make_snapshot(), session=session) as d:
        await d.press("d")
        await d.until(lambda: "is the VPN up?" in d.text)
        assert "the API server does not answer" in d.screen.message_text
        await d.press("q")
        assert "MODEL · WORKLOAD" in d.text


async def test_a_bug_in_a_read_is_said_and_does_not_end_the_console() -> None:
    class Buggy(ScriptedSession):
        async def describe(self, ref: ObjectRef) -> str:
            raise KeyError(ref.name)

        async def switch(self, *, context: str | None = None, namespace: str | None = None) -> None:
            raise KeyError(context, namespace)

    async with desk(make_snapshot(), session=Buggy()) as d:
        await d.press("d")
        await d.until(lambda: "unexpected KeyError: 'mixtral-8x22b'; please report this" in d.text)
        await d.press("q", "0")
        await d.until(lambda: "unexpected KeyError: (None, '')" in d.text)
