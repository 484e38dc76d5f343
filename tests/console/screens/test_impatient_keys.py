"""Hands that do not wait, and terminals with next to no room: nothing ends the console but who wants to leave it."""

from __future__ import annotations

import random

import pytest
from textual.command import CommandList

from console.commands.palette import DeskPalette
from console.screens.base import ConsoleScreen
from console.screens.fleet import FleetScreen
from tests.console.screens.desk import Desk, desk
from tests.console.screens.plans import acting
from tests.fleets import make_snapshot
from tests.idle import MOST, idle

SMALL = [(80, 24), (80, 4), (80, 1), (1, 24), (1, 1)]
OPENINGS = {
    "palette": ["ctrl+p"],
    "command": ["colon"],
    "filter": ["slash"],
    "number": ["s"],
    "plan": ["s", "9", "enter"],
    "namespaces": ["n"],
    "help": ["question_mark"],
    "actions": ["t"],
    "page": ["enter"],
    "form": ["colon", *"up", "enter"],
}
KEYS = [
    *["enter", "escape", "down", "up", "pagedown", "pageup", "home", "end", "tab", "shift+tab", "left", "right"] * 3,
    *["ctrl+home", "ctrl+end", "shift+end", "backspace", "delete", "space", "ctrl+p", "ctrl+a", "ctrl+u", "ctrl+w"],
    *"abcdefgjklmnoprstuvwxyz0123456789/:?!",
]
"""Not q and ctrl-c, which leave."""
ROOM, CRAMPED = 10, 0.1
"""Cells of a side, and the seconds between two bursts on terminals with fewer: without room nothing is ever painted to
the end, and Textual lays it out again for as long as one waits."""


@pytest.fixture(autouse=True)
def frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of a burst are painted together, as they are for a person."""
    monkeypatch.setattr("textual.screen.UPDATE_PERIOD", 1 / 60)


async def burst(d: Desk, *keys: str) -> None:
    """Keys that have all arrived before the first one is handled, as over a slow link."""
    for key in keys:
        d.app.simulate_key(key)
    await idle(max_sleep=CRAMPED if min(d.app.size) < ROOM else MOST)


async def calm(d: Desk) -> None:
    """Close everything that is open; the console still works."""
    for _ in range(40):
        if isinstance(d.app.screen, FleetScreen):
            break
        await burst(d, "escape")
    await d.until(lambda: isinstance(d.app.screen, FleetScreen))
    assert d.app.is_running


@pytest.mark.parametrize("enters", [1, 2, 5])
@pytest.mark.parametrize("word", ["sources", "scale", "no such thing"])
async def test_the_palette_runs_what_is_chosen_once_however_often_enter_comes(word: str, enters: int) -> None:
    async with desk(make_snapshot(), session=acting()) as d:
        await d.press("ctrl+p")
        await d.type(word)
        palette = d.app.screen
        assert isinstance(palette, DeskPalette)
        if word == "no such thing":
            # Until the search is over, what the letters before have found is still there to be chosen.
            found = palette.query_one(CommandList)
            await d.until(lambda: [option.id for option in found.options] == [DeskPalette._NO_MATCHES])
        await burst(d, *["enter"] * enters)
        await d.until(lambda: not palette.is_attached or word == "no such thing")
        assert d.app.screen_stack.count(palette) == (word == "no such thing")
        assert isinstance(d.app.screen_stack[1], ConsoleScreen)
        await calm(d)


async def test_escape_pressed_twice_closes_the_palette_and_not_what_is_below() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("colon")
        await d.type("nodes")
        await d.press("enter", "ctrl+p")
        below = d.app.screen_stack[-2]
        palette = d.app.screen
        assert isinstance(palette, DeskPalette)
        palette.dismiss()
        palette.dismiss()
        await d.settle()
        assert d.app.screen is below


@pytest.mark.parametrize("size", SMALL)
async def test_the_palette_can_be_paged_through_without_room(size: tuple[int, int]) -> None:
    async with desk(make_snapshot(), size=size) as d:
        await burst(d, "ctrl+p", "down", "pageup", "pagedown", "ctrl+end", "up", "pageup", "ctrl+home")
        await burst(d, "down", "pageup", "pagedown", "escape")
        await calm(d)


async def test_the_palette_takes_a_reason_for_text(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "you may not [/b] [$x] patch \x1b[2Jit"
    monkeypatch.setattr("console.commands.palette.disabled", lambda *_args, **_more: {"act.scale": reason})
    async with desk(make_snapshot()) as d:
        await d.press("ctrl+p")
        await d.type("scale")
        await d.settle()
        await burst(d, "escape")
        await calm(d)


# A command that another one replaces before it has begun: Textual cancels it, and Python says that nobody awaited it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("opening", sorted(OPENINGS))
async def test_no_key_ends_what_is_open(opening: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(f"{opening} {seed}")
    async with desk(make_snapshot(), size=chance.choice(SMALL), session=acting()) as d:
        # Quit stands in the palette too, where arrows and enter come to it.
        monkeypatch.setattr(d.app, "exit", lambda *_: None)
        # The second time it is opened over what the first has left open.
        for _ in range(2):
            await burst(d, *OPENINGS[opening])
            for _ in range(4):
                await burst(d, *chance.choices(KEYS, k=chance.randint(1, 8)))
                if chance.random() < 0.3:
                    await d.pilot.resize_terminal(*chance.choice(SMALL))
        await d.pilot.resize_terminal(80, 24)
        await calm(d)
        monkeypatch.undo()


async def test_escape_and_the_key_right_behind_it_are_two_keys_but_in_a_line_alt_moves_by_words() -> None:
    async with desk(make_snapshot()) as d:
        seen = []
        for key in ("o", "alt+f", "alt+colon"):
            await d.press(key)
            seen.append(d.screen.where.value)
        assert seen == ["nodes", "incidents", "fleet"]
        await d.press(*"one two", "alt+b", "x")
        assert ":one xtwo" in d.text
        await d.press("alt+colon", *"nodes", "enter")
        assert d.screen.where.value == "nodes"
