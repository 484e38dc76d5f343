"""Logs at 03:00: errors, silence, several pods in one, a file to keep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from console.commands.command import ScreenId
from console.config.options import Options
from console.session.failure import SessionError
from tests.console.screens.desk import desk
from tests.console.screens.scripted import ScriptedSession
from tests.console.screens.worst import WORST
from tests.fleets import NOW, make_snapshot
from widgets.log_buffer import LogLine

LINES = (
    LogLine("INFO 11-29 21:35:24 [loggers.py:248] Engine 000: begins", NOW - 800),
    LogLine("ERROR 11-29 21:35:25 [core.py:1] the first fault", NOW - 790),
    *(LogLine(f"INFO 11-29 21:35:26 [loggers.py:248] line {i}", NOW - 780) for i in range(60)),
    LogLine("ERROR 11-29 21:35:27 [core.py:1] the second fault", NOW - 720),
)


async def test_a_log_that_is_not_read_is_not_said_to_be_followed() -> None:
    session = ScriptedSession(fails=SessionError("logs are not read in read-only mode"))
    async with desk(make_snapshot(), session=session) as d:
        await d.press("l")
        await d.until(lambda: "logs are not read" in d.screen.message_text)
        assert "not read" in d.lines[1]
        assert "following" not in d.text


async def test_from_error_to_error_the_silence_the_search_and_a_file(tmp_path: Path) -> None:
    session = ScriptedSession(log_lines=LINES)
    snapshot = make_snapshot()
    async with desk(snapshot, session=session, size=(80, 20), options=Options(state=tmp_path)) as d:
        await d.press("l")
        await d.until(lambda: "the second fault" in d.text)
        assert "silent 12m" in d.lines[1], "nothing was written for so long"
        assert "/ search" in d.text
        await d.press("e")
        assert d.line_with("the first fault").startswith("E 21:35:25 the first fault")
        assert d.screen.message_text == "error 1 of 2"
        await d.press("e")
        assert "the second fault" in d.text
        await d.press("x")
        assert "[core.py:1]" in d.line_with("the second fault"), "shown whole"
        await d.press("slash", *"fault", "enter")
        assert "of 2 lines with 'fault'" in d.screen.message_text
        await d.press("ctrl+s")
        (saved,) = (tmp_path / "saved").iterdir()
        assert saved.read_text().splitlines() == [line.text for line in LINES]
        assert saved.stat().st_mode & 0o077 == 0


async def test_all_pods_of_the_workload_in_one_log_with_their_names() -> None:
    snapshot = make_snapshot()
    key = snapshot.pods_of["serving/Deployment/llama-70b"][0]
    ready = {k: replace(pod, phase="Running", conditions=()) for k, pod in snapshot.pods.items()}
    session = ScriptedSession(log_lines=LINES[:2])
    async with desk(replace(snapshot, pods=ready), session=session) as d:
        d.grid.move_to(key)
        await d.press("l", "a")
        await d.until(lambda: "6 pods together" in d.lines[1])
        await d.until(lambda: d.text.count("the first fault") == 6)
        assert all(pod[-5:] in d.text for pod in snapshot.pods_of["serving/Deployment/llama-70b"])
        assert "[core.py:1]" not in d.text, "there is little room beside the names"
        order = [line for line in d.lines if "begins" in line or "fault" in line]
        assert all("begins" in line for line in order[:6]), "by their times"
        await d.press("a")
        await d.until(lambda: "together" not in d.lines[1])


async def test_from_a_log_without_an_error_one_key_leads_to_the_one_before_the_restart() -> None:
    snapshot = make_snapshot()
    key = snapshot.pods_of[WORST][0]
    pod = replace(snapshot.pods[key], restarts=3)
    session = ScriptedSession(log_lines=("INFO it starts",))
    async with desk(replace(snapshot, pods={**snapshot.pods, key: pod}), session=session) as d:
        d.grid.move_to(key)
        await d.press("l")
        await d.until(lambda: "it starts" in d.text)
        await d.press("e")
        assert d.screen.message_text == "no line here reports an error; p has the log from before the restart"
        await d.press("p")
        await d.until(lambda: "previous container" in d.text)
        assert [asked[4] for asked in session.asked if asked[0] == "logs"] == [False, True]
        await d.press("e")
        assert d.screen.message_text == "no line here reports an error"
        await d.press("escape")
        assert d.screen.where is ScreenId.FLEET, "it takes the place of the log that it was opened from"
