"""The last line while something is typed: what enter and escape do then, and no key that would be typed."""

from __future__ import annotations

from console.commands.command import ScreenId
from tests.console.screens.desk import SIZES, desk
from tests.console.screens.scripted import ScriptedSession
from tests.console.screens.test_acknowledging import stuck
from tests.fleets import make_snapshot


@SIZES
async def test_a_command_and_a_filter_say_what_their_keys_do(size: tuple[int, int]) -> None:
    async with desk(make_snapshot(), size=size) as d:
        usual = d.lines[-1]
        assert "enter open" in usual
        await d.press("colon")
        assert d.lines[-1].split("  ")[0].strip() == "enter run"
        assert "esc cancel" in d.lines[-1]
        assert "filter" not in d.lines[-1]
        assert "open" not in d.lines[-1]
        await d.press("escape")
        assert d.lines[-1] == usual
        await d.press("slash")
        assert "enter keep" in d.lines[-1]
        await d.press("escape")
        assert d.lines[-1] == usual


async def test_in_a_text_enter_searches() -> None:
    async with desk(make_snapshot(), session=ScriptedSession(texts={"yaml": "kind: Pod"})) as d:
        await d.press("y")
        await d.until(lambda: "kind: Pod" in d.text)
        await d.press("slash")
        assert "enter search" in d.lines[-1]


async def test_a_number_is_planned_and_a_note_confirmed() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("s")
        assert "enter plan" in d.lines[-1]
        assert "up more" in d.lines[-1]
        await d.press("escape")
        assert "enter open" in d.lines[-1]
    async with desk(stuck()) as d:
        await d.press("f", "a")
        assert "enter confirm" in d.lines[-1]
        await d.press("escape")
        assert d.screen.where is ScreenId.INCIDENTS
        assert "a acknowledge" in d.lines[-1]
