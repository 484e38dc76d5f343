"""The first start, and hints that go with the next key."""

from __future__ import annotations

from pathlib import Path

from console.config.options import Options
from tests.console.screens.desk import desk
from tests.fleets import make_snapshot
from themes.palette import Role


async def test_the_first_start_says_what_is_shown_until_the_first_key_and_never_again(tmp_path: Path) -> None:
    options = Options(welcome=tmp_path / "state" / "welcomed")
    async with desk(make_snapshot(), size=(80, 24), options=options) as d:
        assert "first start" in d.text
        assert "what is wrong, since when, and why" in d.text
        await d.press("j")
        assert "first start" not in d.text
    async with desk(make_snapshot(), size=(80, 24), options=options) as d:
        assert "first start" not in d.text
    async with desk(make_snapshot(), size=(40, 10), options=Options(welcome=tmp_path / "other")) as d:
        assert "first start" not in d.text, "the rows need the room"


async def test_the_answer_to_a_key_goes_with_the_next_one_and_what_happened_by_itself_stays() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("q")
        assert "quits" in d.screen.message_text
        await d.press("j")
        assert d.screen.message_text == ""
        await d.press("slash", *"(", "enter")
        assert d.screen.message_text
        await d.press("j")
        assert d.screen.message_text == "", "a warning about what was typed is read, or in the way"
        for role, is_event in ((Role.ERROR, False), (Role.WARNING, True), (Role.TEXT, True)):
            d.screen.say("the drain was refused", role, is_event=is_event)
            await d.press("j")
            assert d.screen.message_text == "the drain was refused"
