"""Other colours, by command."""

from __future__ import annotations

from console.commands.line import complete
from tests.console.screens.desk import desk
from tests.fleets import make_snapshot


async def test_another_theme_is_there_at_once_and_an_unknown_one_is_refused_with_those_there_are() -> None:
    async with desk(make_snapshot()) as d:
        await d.command("theme light")
        assert d.app.theme == "quarterdeck-light"
        assert '[ui] theme = "quarterdeck-light" keeps it' in d.text
        await d.command("theme")
        assert d.app.theme == "quarterdeck-contrast"
        await d.command("theme pink")
        assert "no theme 'pink'; there are dark, light, contrast, ansi" in d.text
        assert complete("theme c", (), ()) == ["theme contrast"]
