"""Other colours, by command."""

from __future__ import annotations

import pytest

from console.commands.command import ScreenId
from console.commands.command_line import complete
from tests.console.screens.desk import SIZES, desk
from tests.fleets import make_snapshot


async def test_another_theme_is_there_at_once_and_an_unknown_one_is_refused_with_those_there_are() -> None:
    async with desk(make_snapshot()) as d:
        await d.command("theme light")
        assert d.app.theme == "quarterdeck-light"
        assert '[ui] theme = "quarterdeck-light" keeps it' in d.text
        await d.command("theme pink")
        assert "no theme 'pink'; there are dark, light, contrast, ansi" in d.text
        assert complete("theme c", (), ()) == ["theme contrast"]


@SIZES
async def test_without_a_name_each_is_shown_under_the_cursor_and_enter_keeps_it(size: tuple[int, int]) -> None:
    async with desk(make_snapshot(), size=size) as d:
        await d.command("theme")
        await d.until(lambda: d.screen.where is ScreenId.CHOICE and d.grid.cursor == "quarterdeck-dark")
        await d.press("j")
        assert d.app.theme == "quarterdeck-light"
        await d.press("j", "enter")
        assert d.screen.where is ScreenId.FLEET
        assert d.app.theme == "quarterdeck-contrast"
        assert '[ui] theme = "quarterdeck-contrast" keeps it' in d.text
        assert "…" not in d.screen.message_text


@pytest.mark.parametrize("leave", ["escape", "q"])
async def test_who_leaves_without_enter_has_the_colours_from_before(leave: str) -> None:
    async with desk(make_snapshot()) as d:
        await d.command("theme")
        await d.until(lambda: d.screen.where is ScreenId.CHOICE and bool(d.grid.cursor))
        await d.press("j", "enter")
        await d.command("theme")
        await d.until(lambda: d.screen.where is ScreenId.CHOICE and d.grid.cursor == "quarterdeck-light")
        await d.press("j")
        assert d.app.theme == "quarterdeck-contrast"
        await d.press(leave)
        await d.until(lambda: d.app.theme == "quarterdeck-light")
        assert d.screen.where is ScreenId.FLEET
