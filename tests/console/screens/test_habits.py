"""Keys and names of k9s that do something else here, or nothing: they are answered in words."""

from __future__ import annotations

import pytest

from console.commands.command import ScreenId
from console.commands.k9s_hints import HABITS, NAMES, READ_ONLY_HABITS
from console.commands.table import TABLE, bound_on
from console.config.options import Options
from tests.console.screens.desk import desk
from tests.fleets import make_snapshot


@pytest.mark.parametrize("key", sorted(set(HABITS) - {key for c in bound_on(ScreenId.FLEET) for key in c.keys}))
async def test_a_key_of_k9s_that_does_nothing_here_says_what_to_do(key: str) -> None:
    async with desk(make_snapshot()) as d:
        screen = d.screen
        await d.press(key)
        assert d.screen is screen
        assert d.session.asked == []
        assert d.screen.message_text == HABITS[key]


@pytest.mark.parametrize("key", sorted(READ_ONLY_HABITS))
async def test_a_key_that_would_change_something_says_in_read_only_mode_that_nothing_is(key: str) -> None:
    async with desk(make_snapshot(), options=Options(read_only=True)) as d:
        screen = d.screen
        await d.press(key)
        assert d.screen is screen
        assert d.screen.message_text == READ_ONLY_HABITS[key]
        assert (d.session.asked, d.session.acted) == ([], 0)


@pytest.mark.parametrize(("key", "shown"), [("D", "shift-d"), ("ctrl+x", "ctrl-x"), ("semicolon", ";"), ("f5", "f5")])
async def test_a_key_that_does_nothing_says_so(key: str, shown: str) -> None:
    async with desk(make_snapshot()) as d:
        await d.press(key)
        assert d.screen.message_text == f"{shown} does nothing here; ? lists the keys"
        await d.press("down", "up", "tab", "escape")
        assert "does nothing" not in d.screen.message_text, "keys that move are left alone"


@pytest.mark.parametrize("name", sorted(NAMES))
async def test_names_of_k9s_say_what_does_that_here(name: str) -> None:
    async with desk(make_snapshot()) as d:
        await d.command(name)
        await d.until(lambda: bool(d.screen.message_text))
        assert d.screen.message_text == NAMES[name]


def test_no_name_of_k9s_hides_a_command() -> None:
    assert not set(NAMES) & {name for command in TABLE for name in command.names}


async def test_the_list_that_is_in_front_already_is_not_answered_by_silence() -> None:
    async with desk(make_snapshot()) as d:
        await d.command("deploy")
        await d.until(lambda: "these are all models" in d.screen.message_text)


async def test_habits_do_not_reach_into_the_command_line() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("colon", "s", "e", "ctrl+a", "x")
        await d.press("enter")
        assert "no command 'xse'" in d.screen.message_text
