"""The vLLM nodes of this machine on the screen, from the keyboard."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from actions.plan import Table
from actions.request import LOCAL, LOCAL_NODE, LocalBench, LocalDown, Target
from console.commands.command import Where
from console.commands.table import TABLE
from console.failure import SessionError
from console.locally import Piece
from console.options import Options
from console.screens.local import LocalScreen
from console.screens.local_log import LocalLogScreen
from console.screens.local_try import TryScreen
from fleet.local.benches import Bench, Level
from fleet.local.node import Phase, Stage
from fleet.model.objects import Pod
from fleet.model.snapshot import MACHINE, Health, Snapshot, SourceStatus
from tests.console.screens.desk import SIZES, Desk, desk
from tests.console.screens.scripted import ScriptedActing, ScriptedSession, make_node, make_plan
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot
from themes.glyphs import ASCII
from themes.look import Look

LOG = tuple(f"INFO line {number}" for number in range(60))


def session(*names: str) -> ScriptedSession:
    """A machine with a node that is ready, one that loads and one that died; or those of them that are named."""
    every = {
        "bad": make_node("bad", Phase.DEAD, spec={"port": 8002}),
        "loads": make_node("loads", Phase.LOADING, done=3, total=30, eta=70.0, spec={"port": 8003}),
        "tiny": make_node("tiny"),
    }
    made = ScriptedSession()
    made.here.nodes = tuple(node for name, node in every.items() if not names or name in names)
    made.here.logs = {name: tuple(f"{line} of {name}" for line in LOG) for name in every}
    return made


def target(name: str) -> Target:
    return Target(LOCAL_NODE, LOCAL, name, f"id-{name}")


def planned(d: Desk) -> list[object]:
    return [asked[1] for asked in d.session.acts.asked if asked[0] == "plan"]


@SIZES
async def test_one_line_per_node_and_under_the_cursor_its_phases_its_command_and_the_end_of_its_log(
    size: tuple[int, int],
) -> None:
    async with desk(make_snapshot(), size=size, session=session()) as d:
        await d.press("m")
        assert d.screen.where is Where.LOCAL
        assert [d.line_with(f" {name} ").split()[0] for name in ("bad", "loads", "tiny")] == ["■", "◐", "●"]
        assert "dead: it ran out of GPU memory" in d.line_with("■ bad")
        assert "reading weights" in d.line_with("◐ loads")
        assert "~1m" in d.line_with("◐ loads")
        assert "127.0.0.1:8000" in d.line_with("● tiny")
        assert "→ Lower the context length." in d.text
        await d.press("down")
        await d.until(lambda: "INFO line 59 of loads" in d.text)
        assert "line 59 of bad" not in d.text
        assert "starting 40.0s · reading weights 2" in d.text
        assert "$ vllm serve org/loads-model --host 127.0.0.1 --port 8003" in d.text
        d.session.here.more.put_nowait("one more\x1b[31m line\x07")
        await d.until(lambda: "one more line" in d.text)


async def test_it_works_with_no_cluster_in_view() -> None:
    async with desk(None, session=session()) as d:
        await d.press("m")
        assert "● tiny" in d.text
        await d.press("n")
        assert d.screen.said == "Start a vLLM node on this machine: not before the first look at the cluster"


async def test_a_new_look_moves_what_is_shown_and_a_quiet_one_writes_nothing() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m")
        d.session.here.come(*d.session.here.nodes, make_node("zwei", Phase.COMPILING))
        await d.until(lambda: "◐ zwei" in d.text)
        assert "compiling" in d.line_with("◐ zwei")
        d.session.here.come(*session("tiny").here.nodes)
        await d.until(lambda: "zwei" not in d.text)
        await d.settle()
        d.app.written.clear()
        d.session.here.looked()
        await d.settle()
        assert d.app.written == []


async def test_the_numbers_of_a_node_are_those_of_its_pod_whichever_cluster_is_in_view() -> None:
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
    """The Snapshot of this machine, in which a pod is a node."""
    pod: Pod = replace(snapshot.pods[key], uid=uid)
    machine = SourceStatus(MACHINE, Health.LIVE, snapshot.at)
    return replace(snapshot, pods={**snapshot.pods, key: pod}, sources=(machine,))


@pytest.mark.parametrize(
    ("lacking", "read_only", "words"),
    [
        ("", False, "n starts one, and so does: quarterdeck local up MODEL"),
        ("vLLM is not installed: pip install 'quarterdeck[local]'", False, "pip install 'quarterdeck[local]'"),
        ("", True, "read-only: none is started here"),
    ],
)
async def test_nothing_says_in_two_lines_how_to_begin(lacking: str, read_only: bool, words: str) -> None:
    made = ScriptedSession()
    made.here.lacking = lacking
    async with desk(make_snapshot(), session=made, options=Options(read_only=read_only)) as d:
        await d.command("local")
        assert "no vLLM node runs on this machine" in d.text
        assert words in d.text


async def test_what_cannot_be_read_is_said() -> None:
    made = session("tiny")
    made.here.problems = ("record.json cannot be read: cut off",)
    async with desk(make_snapshot(), session=made) as d:
        await d.press("m")
        assert d.screen.said == "record.json cannot be read: cut off"


async def test_the_table_filters() -> None:
    async with desk(make_snapshot(), session=session()) as d:
        await d.press("m", "slash")
        await d.type("GPU memory")
        await d.press("enter")
        assert "■ bad" in d.text
        assert "● tiny" not in d.text
        await d.press("escape")
        assert "● tiny" in d.text


@SIZES
async def test_everything_about_a_node(size: tuple[int, int]) -> None:
    async with desk(make_snapshot(), size=size, session=session("bad")) as d:
        await d.press("m", "enter")
        assert d.screen.where is Where.LOCAL_NODE
        for words in ("it ran out of GPU memory", "torch.OutOfMemoryError", "/state/local/bad/key", "4711", "8002"):
            assert words in d.text
        assert d.line_with("starting ").split()[0] == "■"
        d.session.here.come()
        await d.until(lambda: "bad is gone" in d.text)
        assert "r restart" not in d.lines[-1]


async def test_the_log_follows_pauses_and_finds() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m", "l")
        assert isinstance(d.screen, LocalLogScreen)
        await d.until(lambda: "INFO line 59" in d.text)
        d.session.here.more.put_nowait("more")
        await d.until(lambda: "more" in d.lines[-3])
        await d.press("s")
        assert "paused" in d.lines[1]
        await d.press("slash")
        await d.type("line 7 ")
        await d.press("enter")
        assert "INFO line 7 of tiny" in d.text


async def test_a_log_that_cannot_be_read_is_said() -> None:
    made = session("tiny")
    made.here.fails = SessionError("the log is gone", "Start it again.")
    async with desk(make_snapshot(), session=made) as d:
        await d.press("m", "l")
        await d.until(lambda: d.screen.said == "the log is gone; Start it again.")


@pytest.mark.parametrize("key", ["s", "x"])
async def test_a_node_is_taken_down_by_its_id(key: str) -> None:
    async with desk(make_snapshot(), session=session()) as d:
        await d.press("m", "down", key)
        await d.until(lambda: d.screen.where is Where.PLAN)
        assert planned(d) == [LocalDown(target("loads"))]


async def test_a_node_is_named_from_anywhere() -> None:
    async with desk(make_snapshot(), session=session()) as d:
        await d.command("down tiny")
        assert "no node of this machine is called 'tiny'" in d.screen.said
        await d.press("m", "escape")
        await d.command("down tiny")
        await d.until(lambda: d.screen.where is Where.PLAN)
        assert planned(d) == [LocalDown(target("tiny"))]
        await d.press("escape")
        await d.command("down nobody")
        assert "no node of this machine is called 'nobody'; there is bad, loads, tiny" in d.screen.said


async def test_the_pod_of_a_node_stands_for_it_on_the_fleet() -> None:
    snapshot = make_snapshot()
    key = next(iter(snapshot.pods_of[WORST]))
    async with desk(_stands_for(snapshot, key, "id-tiny"), session=session()) as d:
        await d.press("m", "escape")
        d.grid.move_to(key)
        await d.command("down")
        await d.until(lambda: d.screen.where is Where.PLAN)
        assert planned(d) == [LocalDown(target("tiny"))]


async def test_a_plan_of_a_node_says_when_the_node_is_another_one() -> None:
    async with desk(make_snapshot(), session=session()) as d:
        await d.press("m", "down", "s")
        await d.until(lambda: d.screen.where is Where.PLAN and "permission" in d.text)
        d.session.here.come(*session("tiny").here.nodes)
        await d.until(lambda: "is gone since this was planned" in d.screen.said)


@SIZES
async def test_the_tables_of_a_plan_are_shown_with_their_numbers_at_the_right(size: tuple[int, int]) -> None:
    source = "config.json, layers and heads, and what is assumed where it is silent about the size of a head"
    table = Table("memory of each GPU", ("what", "GiB", "from"), (("weights", "141", "index"), ("KV", "9.6", source)))
    acts = ScriptedActing(make=lambda request: make_plan(request, tables=(table,)))
    made = replace(session(), acts=acts)
    async with desk(make_snapshot(), size=size, session=made) as d:
        await d.press("m", "s")
        await d.until(lambda: "MEMORY OF EACH GPU" in d.text)
        assert d.line_with("weights").index("141") + 3 == d.line_with("KV ").index("9.6") + 3
        assert "size of a head" in " ".join(d.text.split())


@SIZES
async def test_a_node_is_asked_and_answers_as_it_comes(size: tuple[int, int]) -> None:
    async with desk(make_snapshot(), size=size, session=session("tiny")) as d:
        await d.press("m", "t")
        await d.type("why?")
        await d.press("enter")
        assert "waiting for the first token" in d.text
        pieces = d.session.here.pieces
        pieces.put_nowait(Piece("Because\x1b]0;x\x07", 0.3, 0.12, 1))
        await d.until(lambda: "   Because" in d.text)
        assert "TTFT 120ms   tokens 1   tok/s –" in d.text
        pieces.put_nowait(Piece("Because\n  it is", 1.2, 0.12, 40, 37.0, done=True, stopped="length"))
        await d.until(lambda: "     it is" in d.text)
        assert "tokens 40   tok/s 37   in 1.20s   as long as it may be" in d.text
        assert d.session.here.asked[-1] == ("ask", "tiny", "why?", 256)
        await d.press("up", "enter")
        await d.until(lambda: d.text.count("› why?") == 2)
        await d.press("escape")
        await d.until(lambda: d.session.here.let_go == 1)
        assert isinstance(d.screen, TryScreen)
        await d.press("escape")
        assert isinstance(d.screen, LocalScreen)


async def test_one_prompt_at_a_time_and_what_goes_wrong_stands_where_the_answer_would() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m", "t")
        await d.type("a")
        await d.press("enter")
        await d.type("b")
        await d.press("enter")
        assert d.screen.said == "it is answering: esc stops it"
        await d.press("escape")
        d.session.here.fails = SessionError("it does not answer", "Is it ready?")
        await d.press("enter")
        await d.until(lambda: "it does not answer; Is it ready?" in d.text)


async def test_what_is_not_ready_is_not_asked() -> None:
    async with desk(make_snapshot(), session=session("loads")) as d:
        await d.press("m")
        assert "t try" not in d.lines[-1]
        await d.press("t")
        assert "loads is not ready: reading weights" in d.screen.said


def level(concurrency: int, rate: float, ttft: float | None = 0.2) -> Level:
    return Level(concurrency, 8, 0, 10.0, 1.5, rate, ttft_p50=0.1, ttft_p95=ttft, ttft_p99=0.3, itl_p95=0.02)


def bench(id: str, at: float, *levels: Level, **values: object) -> Bench:  # noqa: A002 - the benchmark's
    made = Bench(id, "tiny", "mixtral-8x22b", at, 256, 128, levels, "0.32.0")
    return replace(made, **values)  # type: ignore[arg-type]


@SIZES
async def test_benchmarks_stand_beside_the_one_before_and_the_fleet(size: tuple[int, int]) -> None:
    made = session("tiny")
    now = time.time()
    made.here.runs = (
        bench("2", now, level(1, 110.0), level(4, 380.0, None)),
        bench("x", now - 50, level(1, 1.0), prompt_tokens=9),
        bench("1", now - 100, level(1, 100.0), level(4, 400.0), version="0.31.0", arguments=("--dtype", "half")),
    )
    async with desk(make_snapshot(), size=size, session=made) as d:
        await d.press("m", "v")
        await d.until(lambda: "THE FLEET" in d.text)
        first, second = (line for line in d.lines if line.split()[2:3] in (["110"], ["380"]))
        assert first.split()[1:8] == ["1.50", "110", "100ms", "200ms", "300ms", "–", "20ms"]
        assert second.split()[4] == "–"
        changes = [line.split()[-3:] for line in d.lines if "+10" in line or "-5" in line]
        assert changes[:2] == [["+10", "+0", "+0"], ["-5", "–", "+0"]]
        assert "TOK/S TTFT95 ITL95 % since" in " ".join(d.text.split())
        assert "vLLM 0.31.0 then, 0.32.0 now" in d.text
        assert "other arguments: --dtype half then" in d.text
        assert "mixtral-8x22b in prod-eu1, rates per pod" in d.text


async def test_benchmarks_of_nothing_say_how_to_measure() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m", "v")
        await d.until(lambda: "nothing was measured of tiny yet" in d.text)
        await d.press("b")
        assert d.screen.where is Where.FORM


async def test_a_benchmark_is_planned_from_its_form() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m", "b")
        assert "3 levels, 88 requests in all" in d.text
        await d.type("2 8,x")
        assert "whole numbers with blanks between them" in d.line_with("requests at once")
        await d.press("ctrl+s")
        assert d.screen.where is Where.FORM
        await d.press("backspace", "3", "2", "down", "down")
        await d.type("64")
        await d.press("enter", "enter")
        await d.until(lambda: d.screen.where is Where.PLAN)
        assert planned(d) == [LocalBench(target("tiny"), (2, 8, 32), 256, 64)]


async def test_the_entry_for_gateways() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m", "y")
        await d.until(lambda: "upstream tiny {}" in d.text)


async def test_read_only_shows_everything_and_offers_nothing_that_starts_or_ends() -> None:
    options = Options(read_only=True)
    async with desk(make_snapshot(), size=(120, 150), session=session(), options=options) as d:
        await d.press("m")
        assert "● tiny" in d.text
        for word in ("n new", "s stop", "r restart", "t try", "b bench"):
            assert word not in d.lines[-1]
        for key in ("n", "s", "x", "r", "t", "b"):
            await d.press(key)
            assert d.screen.where is Where.LOCAL
        for name in ("up org/x", "down tiny", "try tiny", "bench tiny", "local-restart tiny", "same"):
            await d.command(name)
            assert d.screen.said.endswith(": not in read-only mode")
        await d.press("question_mark")
        hidden = [command.title for command in TABLE if command.id.startswith("local.")]
        assert [title for title in hidden if title in d.text] == []
        await d.press("escape", "l")
        await d.until(lambda: "INFO line 59" in d.text)
        await d.press("escape", "enter", "escape", "v")
        await d.until(lambda: "read-only: nothing is measured here" in d.text)
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
        assert d.screen.where is Where.FORM
        await d.press("escape")
        assert "~ loads" in d.text
        assert "X bad" in d.text
        written = "".join(d.app.written)
        assert written.isascii()
        assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7])(?:;\d+)*m", written)


async def test_the_palette_has_it() -> None:
    async with desk(make_snapshot(), session=session()) as d:
        await d.press("ctrl+p")
        for char in "vLLM nodes of":
            await d.pilot.press("space" if char == " " else char)
        await d.pilot.pause(0.3)
        await d.pilot.press("enter")
        await d.until(lambda: d.screen.where is Where.LOCAL)


async def test_a_node_that_does_not_answer_is_a_warning() -> None:
    node = make_node("tiny", healthy=False)
    made = ScriptedSession()
    made.here.nodes = (replace(node, stage=Stage(Phase.READY, node.at, "does not answer /health")),)
    async with desk(make_snapshot(), session=made) as d:
        await d.press("m")
        assert d.line_with("tiny ").split()[0] == "▲"
        assert "does not answer /health" in d.line_with("▲ tiny")


async def test_a_node_that_dies_is_told_of_on_whatever_screen_is_in_front() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m", "escape", "o")
        d.session.here.looked()
        await d.settle()
        assert d.screen.said == ""
        d.session.here.come(make_node("tiny", Phase.DEAD))
        await d.until(lambda: d.screen.said == "tiny died: it ran out of GPU memory; :local shows it")
        assert d.screen.where is Where.NODES
        d.screen.say("")
        d.session.here.come(make_node("tiny", Phase.DEAD), make_node("new"))
        await d.settle()
        assert d.screen.said == ""


async def test_a_node_that_died_meanwhile_is_told_of_once() -> None:
    async with desk(make_snapshot(), session=session("bad")) as d:
        await d.press("m", "escape")
        d.session.here.looked()
        await d.until(lambda: "bad died meanwhile: it ran out of GPU memory" in d.screen.said)
        d.screen.say("")
        d.session.here.looked()
        await d.settle()
        assert d.screen.said == ""


async def test_a_node_that_is_taken_down_is_not_told_of_as_dead() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m", "escape")
        d.session.here.looked()
        assert d.desk.acting is not None
        await d.desk.acting.start(make_plan(LocalDown(target("tiny"))), "", "Apply")
        d.session.here.come(make_node("tiny", Phase.DEAD))
        await d.settle()
        assert d.screen.said == ""


async def test_a_console_that_starts_looks_at_nodes_where_there_are_any(tmp_path: Path) -> None:
    """And where there are none, nothing is imported and nobody looks."""
    async with desk(make_snapshot(), session=session("bad"), options=Options(nodes=tmp_path)) as d:
        assert ("locally",) not in d.session.here.asked
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "record.json").touch()
    async with desk(make_snapshot(), session=session("bad"), options=Options(nodes=tmp_path)) as d:
        assert d.session.here.asked.count(("locally",)) == 1
        d.session.here.looked()
        await d.until(lambda: "bad died meanwhile: it ran out of GPU memory" in d.screen.said)


async def test_undo_on_this_machines_screens_is_about_this_machine() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        d.session.acts.last = LocalDown(target("tiny"))
        await d.press("z")
        await d.until(lambda: d.screen.where is Where.PLAN)
        await d.press("escape", "m", "z")
        await d.until(lambda: d.screen.where is Where.PLAN)
        assert [asked for asked in d.session.acts.asked if asked[0] == "undo"] == [("undo", False), ("undo", True)]
