"""The list of the vLLM servers on this machine, from the keyboard: its content and its actions."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from actions.kinds.local_down import LocalDown
from actions.planning.plan import CheckTable
from console.commands.command import ScreenId
from console.commands.table import TABLE
from console.config.options import Options
from console.views.local.server import title_line
from console.views.local.servers import gpus_text
from fleet.local.server import Phase, StartStage
from fleet.model.objects import Pod
from fleet.model.snapshot import MACHINE, Health, Snapshot, SourceStatus
from tests.console.screens.desk import SIZES, desk
from tests.console.screens.local_session import planned, session, target
from tests.console.screens.scripted import ScriptedActing, ScriptedSession, make_plan, make_server
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot
from themes.glyphs import ASCII, UNICODE
from themes.look import Look


@SIZES
async def test_one_line_per_server_and_under_the_cursor_its_phases_its_command_and_the_end_of_its_log(
    size: tuple[int, int],
) -> None:
    async with desk(make_snapshot(), size=size, session=session()) as d:
        await d.press("m")
        assert d.screen.where is ScreenId.LOCAL
        assert [d.line_with(f" {name} ").split()[0] for name in ("bad", "loads", "tiny")] == ["■", "◐", "●"]
        assert "dead: it ran out of GPU memory" in d.line_with("■ bad")
        assert "reading weights" in d.line_with("◐ loads")
        assert " left" in d.line_with("◐ loads")
        assert "127.0.0.1:8000" in d.line_with("● tiny")
        assert "→ Lower the context length." in d.text
        await d.press("down")
        await d.until(lambda: "INFO line 59 of loads" in d.text)
        assert "line 59 of bad" not in d.text
        assert "starting 40.0s · reading weights 2" in d.text
        assert "$ vllm serve org/loads-model --host 127.0.0.1 --port 8003" in d.text
        d.session.here.more.put_nowait("one more\x1b[31m line\x07")
        await d.until(lambda: "one more line" in d.text)


@pytest.mark.parametrize(("cpu", "shown"), [(False, "2x"), (True, "cpu")])
def test_how_many_gpus_it_takes_is_told_unless_its_vllm_uses_none(cpu: bool, shown: str) -> None:
    server = make_server("tiny", spec={"tensor_parallel_size": 2})
    assert gpus_text(replace(server, record=replace(server.record, cpu=cpu)), None, None) == shown


def test_one_that_ends_says_for_how_long_it_has_been_ending() -> None:
    server = make_server("tiny", Phase.STOPPING, took=600.0)
    server = replace(server, record=replace(server.record, ready=server.at - 500.0))
    title = "".join(span.text for span in title_line(server, server.stage.began + 34.0, UNICODE).spans)
    assert title.split()[1:] == ["tiny", "stopping", "for", "34s"]


async def test_it_works_with_no_cluster_in_view() -> None:
    async with desk(None, session=session()) as d:
        await d.press("m")
        assert "● tiny" in d.text
        await d.press("n")
        assert d.screen.message_text == "Start a vLLM server on this machine: not before the cluster has been read once"


async def test_a_new_look_moves_what_is_shown_and_a_quiet_one_writes_nothing() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m")
        d.session.here.come(*d.session.here.servers, make_server("zwei", Phase.COMPILING))
        await d.until(lambda: "◐ zwei" in d.text)
        assert "compiling" in d.line_with("◐ zwei")
        d.session.here.come(*session("tiny").here.servers)
        await d.until(lambda: "zwei" not in d.text)
        await d.settle()
        d.app.written.clear()
        d.session.here.looked()
        await d.settle()
        assert d.app.written == []


async def test_the_numbers_of_a_server_are_those_of_its_pod_whichever_cluster_is_in_view() -> None:
    snapshot = make_snapshot()
    key = next(key for key, pod in snapshot.pods.items() if pod.ready)
    here = _stands_for(snapshot, key, "id-tiny")
    made = session("tiny")
    async with desk(snapshot, session=made) as d:

        def numbers() -> list[str]:
            return d.line_with("● tiny").split("8000")[1].split()[:2]

        await d.press("m")
        assert numbers() == ["–", "–"]
        made.here.snapshot = here
        made.here.looked()
        await d.until(lambda: "–" not in numbers()[0])
        made.here.snapshot = None
        made.here.looked()
        await d.until(lambda: numbers() == ["–", "–"])
        await d.deliver(here)
        assert "–" not in numbers()[0]


def _stands_for(snapshot: Snapshot, key: str, uid: str) -> Snapshot:
    """The Snapshot of this machine, in which a pod is a server."""
    pod: Pod = replace(snapshot.pods[key], uid=uid)
    machine = SourceStatus(MACHINE, Health.LIVE, snapshot.at)
    return replace(snapshot, pods={**snapshot.pods, key: pod}, sources=(machine,))


@pytest.mark.parametrize(
    ("lacking", "read_only", "words"),
    [
        ("", False, "n starts one, as does quarterdeck local up MODEL"),
        ("vLLM is not installed: pip install 'quarterdeck[local]'", False, "pip install 'quarterdeck[local]'"),
        ("", True, "read-only: none can be started here"),
    ],
)
async def test_nothing_says_in_two_lines_how_to_begin(lacking: str, read_only: bool, words: str) -> None:
    made = ScriptedSession()
    made.here.lacking = lacking
    async with desk(make_snapshot(), session=made, options=Options(read_only=read_only)) as d:
        await d.command("local")
        assert "no vLLM server runs on this machine" in d.text
        assert words in d.text


async def test_what_cannot_be_read_is_said() -> None:
    made = session("tiny")
    made.here.problems = ("record.json cannot be read: cut off",)
    async with desk(make_snapshot(), session=made) as d:
        await d.press("m")
        assert d.screen.message_text == "record.json cannot be read: cut off"


async def test_the_table_filters() -> None:
    async with desk(make_snapshot(), session=session()) as d:
        await d.press("m", "slash")
        await d.type("GPU memory")
        await d.press("enter")
        assert "■ bad" in d.text
        assert "● tiny" not in d.text
        await d.press("escape")
        assert "● tiny" in d.text


@pytest.mark.parametrize("key", ["s", "x"])
async def test_a_server_is_taken_down_by_its_id(key: str) -> None:
    async with desk(make_snapshot(), session=session()) as d:
        await d.press("m", "down", key)
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        assert planned(d) == [LocalDown(target("loads"))]


async def test_a_server_is_named_from_anywhere() -> None:
    async with desk(make_snapshot(), session=session()) as d:
        await d.command("down tiny")
        assert "there is no server on this machine called 'tiny'" in d.screen.message_text
        await d.press("m", "escape")
        await d.command("down tiny")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        assert planned(d) == [LocalDown(target("tiny"))]
        await d.press("escape")
        await d.command("down nobody")
        assert "there is no server on this machine called 'nobody'; there is bad, loads, tiny" in d.screen.message_text


async def test_the_pod_of_a_server_stands_for_it_on_the_fleet() -> None:
    snapshot = make_snapshot()
    key = next(iter(snapshot.pods_of[WORST]))
    async with desk(_stands_for(snapshot, key, "id-tiny"), session=session()) as d:
        await d.press("m", "escape")
        d.grid.move_to(key)
        await d.command("down")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        assert planned(d) == [LocalDown(target("tiny"))]


async def test_a_plan_of_a_server_says_when_the_server_is_another_one() -> None:
    async with desk(make_snapshot(), session=session()) as d:
        await d.press("m", "down", "s")
        await d.until(lambda: d.screen.where is ScreenId.PLAN and "permission" in d.text)
        d.session.here.come(*session("tiny").here.servers)
        await d.until(lambda: "is gone since this was planned" in d.screen.message_text)


@SIZES
async def test_the_tables_of_a_plan_are_shown_with_their_numbers_at_the_right(size: tuple[int, int]) -> None:
    source = "config.json, layers and heads, and what is assumed where it is silent about the size of a head"
    table = CheckTable(
        "memory of each GPU", ("what", "GiB", "from"), (("weights", "141", "index"), ("KV", "9.6", source))
    )
    acts = ScriptedActing(make=lambda request: make_plan(request, tables=(table,)))
    made = replace(session(), acts=acts)
    async with desk(make_snapshot(), size=size, session=made) as d:
        await d.press("m", "s")
        await d.until(lambda: "MEMORY OF EACH GPU" in d.text)
        assert d.line_with("weights").index("141") + 3 == d.line_with("KV ").index("9.6") + 3
        assert "size of a head" in " ".join(d.text.split())


async def test_read_only_shows_everything_and_offers_nothing_that_starts_or_ends() -> None:
    options = Options(read_only=True)
    async with desk(make_snapshot(), size=(120, 150), session=session(), options=options) as d:
        await d.press("m")
        assert "● tiny" in d.text
        for word in ("n new", "s stop", "r restart", "t try", "b bench"):
            assert word not in d.lines[-1]
        titles = {"n": "Start", "s": "Stop", "x": "Stop", "r": "Restart", "t": "Try", "b": "Benchmark", "z": "Undo"}
        for key, title in titles.items():
            await d.press(key)
            assert d.screen.where is ScreenId.LOCAL
            # And not what the same key does on a cluster.
            assert re.fullmatch(rf"{title} .*: not in read-only mode", d.screen.message_text)
        for name in ("up org/x", "down tiny", "try tiny", "bench tiny", "local-restart tiny", "same"):
            await d.command(name)
            assert d.screen.message_text.endswith(": not in read-only mode")
        await d.press("question_mark")
        hidden = [command.title for command in TABLE if command.id.startswith("local.")]
        assert [title for title in hidden if title in d.text] == []
        await d.press("escape", "l")
        await d.until(lambda: "INFO line 59" in d.text)
        await d.press("escape", "enter", "escape", "v")
        await d.until(lambda: "read-only: no benchmarks" in d.text)
        assert d.session.acted == 0
        assert not [asked for asked in d.session.here.asked if asked[0] == "ask"]


@SIZES
async def test_in_ascii_and_without_colours_nothing_else_reaches_the_terminal(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    look = Look(glyphs=ASCII, no_color=True)
    async with desk(make_snapshot(), size=size, session=session(), look=look) as d:
        d.app.written.clear()
        await d.press("m", "down", "enter", "escape", "down", "t", "h", "enter", "escape", "escape", "n", "right")
        assert d.screen.where is ScreenId.FORM
        await d.press("escape")
        assert "s loads" in d.text
        assert "X bad" in d.text
        written = "".join(d.app.written)
        assert written.isascii()
        assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7])(?:;\d+)*m", written)


async def test_the_palette_has_it() -> None:
    async with desk(make_snapshot(), session=session()) as d:
        await d.press("ctrl+p")
        for char in "vLLM servers on":
            await d.pilot.press("space" if char == " " else char)
        await d.pilot.pause(0.3)
        await d.pilot.press("enter")
        await d.until(lambda: d.screen.where is ScreenId.LOCAL)


async def test_a_server_that_does_not_answer_is_a_warning() -> None:
    server = make_server("tiny", healthy=False)
    made = ScriptedSession()
    made.here.servers = (replace(server, stage=StartStage(Phase.READY, server.at, "does not answer /health")),)
    async with desk(make_snapshot(), session=made) as d:
        await d.press("m")
        assert d.line_with("tiny ").split()[0] == "▲"
        assert "does not answer /health" in d.line_with("▲ tiny")


async def test_undo_on_this_machines_screens_is_about_this_machine() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        d.session.acts.last = LocalDown(target("tiny"))
        await d.press("z")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        await d.press("escape", "m", "z")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        assert [asked for asked in d.session.acts.asked if asked[0] == "undo"] == [("undo", False), ("undo", True)]
