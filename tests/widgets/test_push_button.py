"""Buttons and lines to type into."""

from __future__ import annotations

from tests.widgets.stage import on_stage, settled
from widgets.field import Field
from widgets.push_button import PushButton


async def test_a_button_is_pressed_by_enter_and_by_nothing_else() -> None:
    one, two = PushButton("Cancel"), PushButton("Apply")
    async with on_stage(one, two) as (stage, pilot):
        one.focus()
        await pilot.press("space", "a", "y")
        assert stage.heard(PushButton.Pressed) == []
        await pilot.press("right")
        assert two.has_focus
        await pilot.press("enter")
        assert [message.button for message in stage.heard(PushButton.Pressed)] == [two]
        await pilot.press("left")
        assert one.has_focus


async def test_a_click_presses_it() -> None:
    button = PushButton("Apply")
    async with on_stage(button) as (stage, pilot):
        await pilot.click(button)
        assert [message.button for message in stage.heard(PushButton.Pressed)] == [button]


async def test_the_one_with_the_focus_is_drawn_as_such() -> None:
    one, two = PushButton("Cancel"), PushButton("Apply")
    async with on_stage(one, two) as (_, pilot):
        one.focus()
        await settled(pilot)
        assert one.shown_text[0].strip() == "[ Cancel ]"
        before = one.lines_drawn
        two.focus()
        await settled(pilot)
        assert one.lines_drawn > before


async def test_a_number_is_counted_and_takes_digits_only() -> None:
    field = Field("replicas", number=True)
    async with on_stage(field) as (stage, pilot):
        field.value = "1"
        field.take_focus()
        await pilot.press("up", "x", "minus")
        assert field.value == "2"
        await pilot.press("down", "down", "down")
        assert field.value == "0"
        await pilot.press("4", "enter")
        assert field.value == "4"
        assert len(stage.heard(Field.Entered)) == 1
        await pilot.press("escape")
        assert len(stage.heard(Field.GivenUp)) == 1


async def test_up_and_down_do_not_count_in_a_text() -> None:
    field = Field("reason")
    async with on_stage(field) as (stage, pilot):
        field.take_focus()
        await pilot.press("I", "N", "C", "up", "down", "space")
        assert field.value == "INC"
        assert stage.heard(Field.Changed)
