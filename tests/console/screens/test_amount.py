"""The number that an action asks for: counted, typed, or so many more or fewer."""

from __future__ import annotations

import pytest
from textual.events import Paste

from actions.kinds.scale import Scale
from console.commands.command import ScreenId
from tests.console.screens.desk import desk
from tests.console.screens.plans import acting, open_scale, target
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot


async def test_scale_offers_one_more_so_that_enter_alone_shows_a_plan() -> None:
    snapshot = make_snapshot()
    desired = snapshot.workloads[WORST].desired
    async with desk(snapshot, session=acting()) as d:
        await d.press("s")
        assert f"replicas of {target().name}, now {desired}: up and down change it" in d.text
        await d.press("enter")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        assert d.session.acts.asked == [("plan", Scale(target(), desired + 1))]
        await d.press("escape", "s", "escape")
        assert d.screen.where is ScreenId.FLEET
        await d.press("s", "9", "enter")
        await d.until(lambda: len(d.session.acts.asked) == 2)
        assert d.session.acts.asked[1] == ("plan", Scale(target(), 9))


async def test_letters_for_a_number_are_refused_in_words_and_plan_nothing() -> None:
    snapshot = make_snapshot()
    desired = snapshot.workloads[WORST].desired
    async with desk(snapshot, session=acting()) as d:
        await d.press("s", "f", "o")
        assert "only a number is accepted here" in d.screen.message_text
        await d.press("enter")
        assert f"enter once more plans {desired + 1}" in d.screen.message_text
        assert d.session.acts.asked == []
        await d.press("enter")
        assert d.session.acts.asked == [("plan", Scale(target(), desired + 1))]


async def test_up_and_down_count_from_the_number_that_is_there() -> None:
    snapshot = make_snapshot()
    desired = snapshot.workloads[WORST].desired
    async with desk(snapshot, session=acting()) as d:
        await d.press("s", "down", "down", "enter")
        assert d.session.acts.asked == [("plan", Scale(target(), desired - 1))]
        await d.press("escape", "s", "up", "enter")
        assert d.session.acts.asked[-1] == ("plan", Scale(target(), desired + 2))


async def test_letters_that_come_before_the_line_is_open_or_are_pasted_plan_nothing_either() -> None:
    async with desk(make_snapshot(), session=acting()) as d:
        await d.pilot.press("s", "f", "o", "enter")
        await d.until(lambda: "enter once more plans" in d.screen.message_text)
        assert d.session.acts.asked == []
        await d.press("escape", "s")
        d.app.post_message(Paste("twelve"))
        await d.until(lambda: d.screen.message_text.startswith("only a number is accepted here"))
        await d.press("enter")
        assert "enter once more plans" in d.screen.message_text
        assert d.session.acts.asked == []


async def test_a_number_behind_refused_letters_is_that_number() -> None:
    async with desk(make_snapshot(), session=acting()) as d:
        await d.press("s", "x", "9", "enter")
        assert d.session.acts.asked == [("plan", Scale(target(), 9))]
        await d.press("escape", "s", "x", "escape", "s", "enter")
        assert len(d.session.acts.asked) == 2, "what was refused is forgotten with the line"


@pytest.mark.parametrize(("typed", "more"), [("+2", 2), ("-1", -1)])
async def test_scale_takes_more_or_less(typed: str, more: int) -> None:
    snapshot = make_snapshot()
    async with desk(snapshot, session=acting()) as d:
        await open_scale(d, typed)
        assert d.session.acts.asked == [("plan", Scale(target(), snapshot.workloads[WORST].desired + more))]


async def test_scale_refuses_what_is_no_number() -> None:
    async with desk(make_snapshot(), session=acting()) as d:
        await d.command("scale many")
        assert "'many' is not a number of replicas" in d.screen.message_text
        assert d.session.acts.asked == []


async def test_typing_a_number_replaces_the_one_that_is_there() -> None:
    async with desk(make_snapshot(), session=acting()) as d:
        await d.press("s", "7", "enter")
        assert d.session.acts.asked == [("plan", Scale(target(), 7))]
        await d.press("escape", "s", "up", "up", "5", "enter")
        assert d.session.acts.asked[-1] == ("plan", Scale(target(), 5))


async def test_keys_that_come_before_the_line_is_open_replace_it_too() -> None:
    async with desk(make_snapshot(), session=acting()) as d:
        await d.pilot.press("s", "1", "2", "enter")
        await d.until(lambda: bool(d.session.acts.asked))
        assert d.session.acts.asked == [("plan", Scale(target(), 12))]


@pytest.mark.parametrize(
    ("keys", "more"),
    [
        (["plus", "1"], 1),
        (["plus", "2"], 2),
        (["minus", "1"], -1),
        (["plus", "1", "up"], 2),
        (["minus", "up", "up"], 2),
        (["up", "plus", "1"], 1),
    ],
)
async def test_a_sign_before_the_number_means_so_many_more_or_fewer(keys: list[str], more: int) -> None:
    snapshot = make_snapshot()
    async with desk(snapshot, session=acting()) as d:
        await d.press("s", *keys, "enter")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        assert d.session.acts.asked == [("plan", Scale(target(), snapshot.workloads[WORST].desired + more))]


@pytest.mark.parametrize(
    ("keys", "words"),
    [(["plus"], "'+' is not a number of replicas"), (["minus", "9", "9"], "cannot be fewer than 0")],
)
async def test_a_sign_that_leads_to_no_number_plans_nothing_and_says_why(keys: list[str], words: str) -> None:
    async with desk(make_snapshot(), session=acting()) as d:
        await d.press("s", *keys, "enter")
        assert words in d.screen.message_text
        assert d.screen.where is ScreenId.FLEET
        assert d.session.acts.asked == []


@pytest.mark.parametrize("width", [40, 60, 80, 120])
async def test_the_number_is_to_be_seen_however_little_room_there_is(width: int) -> None:
    snapshot = make_snapshot()
    desired = snapshot.workloads[WORST].desired
    async with desk(snapshot, session=acting(), size=(width, 12)) as d:
        await d.press("s")
        line = d.line_with(f"now {desired}")
        assert line.rstrip().endswith(str(desired + 1))
        assert len(line.rstrip()) < width
