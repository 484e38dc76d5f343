"""A paste is text from outside: none of its control characters reaches the terminal, a request or the audit log."""

from __future__ import annotations

from textual import events

from tests.console.screens.desk import desk
from tests.fleets import make_snapshot
from widgets.typed_line import TypedLine


async def test_control_functions_in_a_paste_are_dropped() -> None:
    async with desk(make_snapshot()) as console:
        await console.press("slash")
        console.app.post_message(events.Paste("mix\x1b]0;owned\x07tral\x1b[31m 7b\x9b2J\nand more"))
        await console.settle()
        line = console.app.focused
        assert isinstance(line, TypedLine)
        assert line.value == "mixtral 7b"
        await console.press("space", "é")
        assert line.value == "mixtral 7b é"
        assert not any(char < " " or "\x7f" <= char < "\xa0" for char in console.text.replace("\n", ""))
