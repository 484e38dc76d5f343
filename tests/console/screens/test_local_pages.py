"""Pages of one server on this machine: all about it, its log, a word with it, its benchmarks, and gateways' entries."""

from __future__ import annotations

import time
from dataclasses import replace

from actions.kinds.local_bench import LocalBench
from actions.running.progress import Outcome, Result
from console.commands.command import ScreenId
from console.screens.local.log import LocalLogScreen
from console.screens.local.servers import LocalScreen
from console.screens.local.try_it import TryScreen
from console.session.failure import SessionError
from console.session.local.protocol import Piece
from fleet.local.benches import Bench, ConcurrencyLevel
from fleet.local.server import Phase
from tests.console.screens.desk import SIZES, desk
from tests.console.screens.local_session import planned, session, target
from tests.console.screens.scripted import make_plan, make_server
from tests.fleets import make_snapshot


@SIZES
async def test_everything_about_a_server(size: tuple[int, int]) -> None:
    async with desk(make_snapshot(), size=size, session=session("bad")) as d:
        await d.press("m", "enter")
        assert d.screen.where is ScreenId.LOCAL_SERVER
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
        assert "has died" not in d.lines[1]
        d.session.here.come(make_server("tiny", Phase.DEAD))
        await d.until(lambda: "paused · it has died" in d.lines[1])
        await d.press("slash")
        await d.type("line 7 ")
        await d.press("enter")
        assert "INFO line 7 of tiny" in d.text


async def test_a_log_that_cannot_be_read_is_said() -> None:
    made = session("tiny")
    made.here.fails = SessionError("the log is gone", "Start it again.")
    async with desk(make_snapshot(), session=made) as d:
        await d.press("m", "l")
        await d.until(lambda: d.screen.message_text == "the log is gone; start it again.")


@SIZES
async def test_a_server_is_asked_and_answers_as_it_comes(size: tuple[int, int]) -> None:
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
        assert "tokens 40   tok/s 37   in 1.20s   up to the limit" in d.text
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
        assert d.screen.message_text == "it is still answering; esc stops it"
        await d.press("escape")
        d.session.here.fails = SessionError("it does not answer", "Is it ready?")
        await d.press("enter")
        await d.until(lambda: "it does not answer; is it ready?" in d.text)


async def test_what_is_not_ready_is_not_asked() -> None:
    async with desk(make_snapshot(), session=session("loads")) as d:
        await d.press("m")
        assert "t try" not in d.lines[-1]
        await d.press("t")
        assert "loads is not ready, it is reading weights" in d.screen.message_text


def level(concurrency: int, rate: float, ttft: float | None = 0.2) -> ConcurrencyLevel:
    return ConcurrencyLevel(concurrency, 8, 0, 10.0, 1.5, rate, ttft_p50=0.1, ttft_p95=ttft, ttft_p99=0.3, itl_p95=0.02)


def bench(id: str, at: float, *levels: ConcurrencyLevel, **values: object) -> Bench:  # noqa: A002 - the benchmark's
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


async def test_a_benchmark_that_ends_while_they_are_looked_at_is_among_them() -> None:
    made = session("tiny")
    async with desk(make_snapshot(), session=made) as d:
        plan = make_plan(LocalBench(target("tiny"), (1,), 256, 128))
        assert d.desk.actions.service is not None
        await d.desk.actions.service.start(plan, "", "Apply")
        await d.press("m", "v")
        await d.until(lambda: "there is no benchmark of tiny yet" in d.text)
        made.here.runs = (bench("1", time.time(), level(1, 117.0)),)
        made.acts.come_on(plan.id, outcome=Outcome(Result.CONVERGED, "1 at once: 117 tokens/s"))
        await d.until(lambda: any(line.split()[2:3] == ["117"] for line in d.lines))


async def test_benchmarks_of_nothing_say_how_to_measure() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m", "v")
        await d.until(lambda: "there is no benchmark of tiny yet" in d.text)
        await d.press("b")
        assert d.screen.where is ScreenId.FORM


async def test_a_benchmark_is_planned_from_its_form() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m", "b")
        assert "3 levels, 88 requests in total" in d.text
        await d.type("2 8,x")
        assert "whole numbers separated by spaces" in d.line_with("concurrent requests")
        await d.press("ctrl+s")
        assert d.screen.where is ScreenId.FORM
        await d.press("backspace", "3", "2", "down", "down")
        await d.type("64")
        await d.press("enter", "enter")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        assert planned(d) == [LocalBench(target("tiny"), (2, 8, 32), 256, 64)]


async def test_the_entry_for_gateways() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m", "y")
        await d.until(lambda: "upstream tiny {}" in d.text)
