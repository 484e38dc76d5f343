"""Rows of a form."""

from __future__ import annotations

from tests.widgets.stage import on_stage, settled
from themes.palette import Role
from widgets.form import LABEL, FormChoice, FormLine, FormRow
from widgets.line_view import LineView


async def test_a_line_is_typed_into_and_says_when_it_changes_is_entered_left_or_given_up() -> None:
    line = FormLine("port", "port", "8000")
    async with on_stage(line) as (app, pilot):
        line.take_focus()
        await pilot.press("8", "1", "up", "down", "enter", "escape")
        await settled(pilot)
        assert line.value == "81"
        assert len(app.heard(FormRow.Changed)) == 2
        assert [message.step for message in app.heard(FormRow.Left)] == [-1, 1]
        assert len(app.heard(FormRow.Entered)) == 1
        assert len(app.heard(FormRow.GivenUp)) == 1
        assert all(message.row is line for message in app.heard(FormRow.Changed))


async def test_typing_replaces_a_number_and_goes_on_with_words() -> None:
    number, words = FormLine("port", "port"), FormLine("model", "model")
    async with on_stage(number, words) as (_app, pilot):
        number.value, words.value = "8000", "llama"
        words.take_focus()
        await pilot.press("3")
        number.take_focus()
        await pilot.press("9", "1")
        assert (number.value, words.value) == ("91", "llama3")


async def test_a_line_takes_nothing_that_could_not_be_typed() -> None:
    line = FormLine("model", "model")
    async with on_stage(line):
        line.value = "a\x1b[31m\x07b\nc"
        assert line.value == "ab c"


async def test_a_choice_goes_round_and_keeps_what_it_did_not_know() -> None:
    choice = FormChoice("dtype", "dtype", ("auto", "half"), "left alone")
    async with on_stage(choice) as (_app, pilot):
        choice.take_focus()
        await pilot.press("left")
        assert choice.value == "half"
        await pilot.press("right", "space")
        assert choice.value == "auto"
        choice.value = "int3"
        assert choice.value == "int3"
        await pilot.press("h")
        assert choice.value == "half"
        await pilot.press("x")
        assert choice.value == "half"
        await pilot.press("right")
        assert choice.value == "int3"
        await pilot.press("right")
        assert choice.value == ""


async def test_the_default_is_shown_where_nothing_is_chosen() -> None:
    choice = FormChoice("dtype", "dtype", ("auto",), "left alone")
    async with on_stage(FormLine("first", "takes the focus"), choice) as (_app, pilot):
        shown = choice.inner
        assert isinstance(shown, LineView)
        assert shown.shown_text[0].strip() == "left alone"
        choice.take_focus()
        await pilot.press("right")
        await settled(pilot)
        assert shown.shown_text[0].strip() == "← auto →"


async def test_a_choice_without_room_is_cut_visibly_and_keeps_its_arrows() -> None:
    choice = FormChoice("hub", "the hub", ("on",), "off: nothing is downloaded, it works without a network")
    async with on_stage(FormLine("first", "takes the focus"), choice, size=(60, 3)) as (_app, pilot):
        shown = choice.inner
        assert isinstance(shown, LineView)
        assert shown.shown_text[0].rstrip().endswith("…")
        assert shown.shown_text[0].startswith(" off")
        choice.take_focus()
        await settled(pilot)
        assert shown.shown_text[0].strip().endswith("… →")


async def test_what_is_said_beside_a_row_takes_room_only_while_it_is_there() -> None:
    line = FormLine("port", "port")
    async with on_stage(line, size=(80, 3)) as (_app, pilot):
        whole = line.inner.region.width
        assert whole == 80 - LABEL - 3
        line.say("no\x07 number", Role.ERROR)
        await settled(pilot)
        assert line.remark == "  no number"
        assert line.inner.region.width == whole - len("no number") - 4
        line.say("x" * 200, Role.ERROR)
        await settled(pilot)
        assert line.inner.region.width >= whole * 2 // 5
        line.say("")
        await settled(pilot)
        assert line.inner.region.width == whole
