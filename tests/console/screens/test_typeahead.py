"""Keys that arrive faster than the screen follows: a burst over a slow link has the same effect as slow typing."""

from __future__ import annotations

import pytest
from textual import events
from textual.keys import _character_to_key

from actions.kinds.local_up import LocalUp
from console.commands.command import ScreenId
from console.screens.fleet import FleetScreen
from tests.console.screens.desk import Desk, desk
from tests.console.screens.scripted import ScriptedServers, ScriptedSession, make_server
from tests.fleets import make_snapshot

NAMED = {"\r": "enter", "\x1b": "escape", "\x13": "ctrl+s"}

READ = {"describe", "baselines"}
"""Requests of pages when they are opened."""


def asked_by_keys(console: Desk) -> list[tuple[object, ...]]:
    """Return the requests apart from those of pages themselves, such as the ends of logs of starting pods."""
    return [one for one in console.session.asked if one[0] not in READ and not (one[0] == "logs" and not one[3])]


def burst(console: Desk, text: str) -> None:
    """Hand over keys as a terminal's driver does when they come in one read."""
    for char in text:
        key = NAMED.get(char) or _character_to_key(char)
        console.app.post_message(events.Key(key, char))


@pytest.mark.parametrize(
    ("text", "screen"),
    [(":nodes\r", "NodesScreen"), (":sources\r", "SourcesScreen"), (":joins\r", "JoinsScreen"), ("?", "HelpScreen")],
)
async def test_a_command_in_one_burst_is_that_command_and_no_other(text: str, screen: str) -> None:
    async with desk(make_snapshot()) as console:
        before = len(console.session.asked)
        burst(console, text)
        await console.until(lambda: type(console.screen).__name__ == screen)
        assert console.session.asked[before:] == [], "no letter of it was taken for a command"


async def test_a_line_is_opened_on_a_screen_that_is_not_mounted_yet() -> None:
    async with desk(make_snapshot()) as console:
        console.desk.pages.open_screen(ScreenId.SOURCES)
        console.desk.line.ask_command()
        await console.desk.line.open_asked()
        assert console.screen.where is ScreenId.SOURCES
        assert console.screen.entry.is_typed_into


async def test_a_page_and_a_command_in_one_burst() -> None:
    async with desk(make_snapshot()) as console:
        burst(console, "?:sources\r")
        await console.until(lambda: type(console.screen).__name__ == "SourcesScreen")
        assert console.session.asked == []


async def test_a_filter_in_one_burst_is_that_filter() -> None:
    async with desk(make_snapshot()) as console:
        burst(console, "/mixtral\r")
        await console.until(lambda: isinstance(console.screen, FleetScreen) and console.fleet.narrowed == "mixtral")
        assert isinstance(console.screen, FleetScreen)
        assert console.session.asked == []


async def test_a_move_and_a_command_act_on_the_row_that_was_moved_to() -> None:
    async with desk(make_snapshot()) as console:
        await console.press("g")
        start = console.grid.cursor
        burst(console, "jjd")
        await console.until(lambda: bool(console.session.asked))
        (asked,) = console.session.asked
        assert asked[0] == "describe"
        assert str(asked[1]).replace("/Pod/", "/") != start
        slow = await _slowly()
        assert asked == slow


async def _slowly() -> tuple[object, ...]:
    async with desk(make_snapshot()) as console:
        await console.press("g", "j", "j", "d")
        (asked,) = console.session.asked
        return asked


async def test_what_is_typed_behind_the_key_of_a_form_stands_in_the_form() -> None:
    async with desk(make_snapshot()) as console:
        burst(console, "mnorg/quiz\x13")
        await console.until(lambda: bool(console.session.acts.asked))
        ((_, request),) = console.session.acts.asked
        assert isinstance(request, LocalUp)
        assert request.spec.model == "org/quiz"


async def test_a_prompt_behind_the_key_that_asks_for_one_is_asked() -> None:
    session = ScriptedSession(here=ScriptedServers(servers=(make_server("tiny"),)))
    async with desk(make_snapshot(), session=session) as console:
        await console.press("m")
        burst(console, "tquit?\r")
        await console.until(lambda: ("ask", "tiny", "quit?", 256) in session.here.asked)


async def test_a_line_and_its_cancellation_in_one_burst_leave_nothing_behind() -> None:
    async with desk(make_snapshot()) as console:
        burst(console, ":nod\x1b")
        await console.settle()
        await console.until(lambda: isinstance(console.screen, FleetScreen))
        assert console.session.asked == []


@pytest.mark.parametrize("first", ["\r", "o", ":joins\r", "?", "d", ":nodes\r\r", "o\r"])
async def test_a_line_right_behind_a_key_that_opens_a_screen_is_that_line(first: str) -> None:
    async with desk(make_snapshot()) as console:
        burst(console, first + ":sources\r")
        await console.until(lambda: type(console.screen).__name__ == "SourcesScreen")
        await console.settle()
        assert asked_by_keys(console) == [], "no letter was a command"


async def test_lines_in_one_burst_are_entered_one_after_the_other() -> None:
    async with desk(make_snapshot()) as console:
        burst(console, ":sources\r:nodes\r:joins\r")
        await console.until(lambda: type(console.screen).__name__ == "JoinsScreen")
        names = [type(screen).__name__ for screen in console.app.screen_stack]
        assert names[-3:] == ["SourcesScreen", "NodesScreen", "JoinsScreen"]


async def test_a_page_that_is_left_at_once_takes_no_key_with_it() -> None:
    async with desk(make_snapshot()) as console:
        burst(console, "\r\x1b/mixtral\r")
        await console.until(lambda: isinstance(console.screen, FleetScreen) and console.fleet.narrowed == "mixtral")
        assert asked_by_keys(console) == []


async def test_a_key_behind_the_last_screen_ends_nothing() -> None:
    async with desk(make_snapshot()) as console:
        app = console.app
    assert not app.screen_stack
    await app.on_event(events.Key("slash", "/"))
    assert app.return_code in (None, 0)
