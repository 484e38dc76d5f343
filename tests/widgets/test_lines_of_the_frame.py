"""Header, key bar, message line and prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from textual.events import Key

from fleet.model.snapshot import Health
from tests.waiting import PATIENCE
from tests.widgets.stage import on_stage, settled, size_of
from themes.glyphs import ASCII, UNICODE
from themes.look import Look
from themes.palette import Role
from widgets.header import Header, HeaderModel, SourceBadge, header_line
from widgets.key_bar import Hint, Keybar, keybar_line
from widgets.line import Line
from widgets.line_view import LineView
from widgets.message_line import MessageLine
from widgets.prompt import Kind, Prompt, PromptHistory

MODEL = HeaderModel(
    cluster="prod-eu1",
    namespace="serving",
    identity="oncall@corp",
    read_only=True,
    sources=(SourceBadge("prometheus", Health.LIVE, 2.0), SourceBadge("kubernetes", Health.DOWN, 75.0)),
    clock="14:02:31",
)


def text(line: Line) -> str:
    return "".join(span.text for span in line.spans)


def test_the_header_says_it_all_where_there_is_room() -> None:
    drawn = text(header_line(MODEL, 120, UNICODE))
    assert drawn.startswith(" prod-eu1 › serving  ")
    assert drawn.endswith("oncall@corp   READ-ONLY   prometheus ● 2s   kubernetes ■ down 1m15s   14:02:31")
    assert len(drawn) == 119


@pytest.mark.parametrize(("width", "mark"), [(120, "PRODUCTION"), (80, "PRODUCTION"), (30, "PROD")])
def test_production_is_marked_at_any_width(width: int, mark: str) -> None:
    line = header_line(replace(MODEL, production=True), width, UNICODE)
    assert any(span.text == mark and span.role is Role.CRITICAL for span in line.spans)
    assert "PROD" not in text(header_line(MODEL, width, UNICODE))


@pytest.mark.parametrize(
    ("width", "stays", "goes"),
    [
        (90, ("prod-eu1 › serving", "READ-ONLY", "kubernetes ■ down 1m15s"), ("14:02:31",)),
        (80, ("prod-eu1 › serving", "READ-ONLY", "kubernetes ■ down 1m15s"), ("14:02:31", "oncall")),
        (60, ("prod-eu1 › serving", "READ-ONLY", "P●", "kubernetes ■ down 1m15s"), ("oncall", "prometheus")),
        (24, ("prod-eu1", "RO", "P●", "K■"), ("serving",)),
    ],
)
def test_the_header_gives_way_in_order(width: int, stays: Sequence[str], goes: Sequence[str]) -> None:
    drawn = text(header_line(MODEL, width, UNICODE))
    assert len(drawn) <= width
    for words in stays:
        assert words in drawn
    for words in goes:
        assert words not in drawn


def test_the_header_tells_every_health_by_its_glyph() -> None:
    for glyphs in (UNICODE, ASCII):
        drawn = {
            text(header_line(HeaderModel("c", sources=(SourceBadge("s", health),)), 80, glyphs))[-12:].split()[-2]
            for health in Health
        }
        assert len(drawn) == len(Health)


def test_the_header_says_how_far_a_first_look_has_come_in_place_of_its_age() -> None:
    badge = SourceBadge("kubernetes", Health.STARTING, 3.0, "1,500 of ~5,000 pods")
    drawn = text(header_line(HeaderModel("c", sources=(badge,)), 80, UNICODE))
    assert drawn.endswith(f"kubernetes {UNICODE.starting} 1,500 of ~5,000 pods")


async def test_the_header_is_written_only_when_it_changed() -> None:
    header = Header(MODEL)
    async with on_stage(header, size=(120, 10)) as (app, pilot):
        assert header.show(MODEL) == 0
        await settled(pilot)
        assert app.written == []
        assert header.show(HeaderModel("other\x1b[31m", read_only=False)) == 1
        await settled(pilot)
        assert 0 < size_of(app.written) < 512
        assert "read-write" in header.shown_text[0]
        assert "other " in header.shown_text[0]


def test_the_key_bar_drops_from_the_end_and_keeps_help() -> None:
    hints = [Hint("s", "scale"), Hint("d", "drain"), Hint("l", "logs"), Hint("?", "help", last=True)]
    wide, narrow, tiny = (text(keybar_line(hints, width)) for width in (60, 24, 9))
    assert wide.startswith(" s scale  d drain  l logs ")
    assert wide.endswith("? help")
    assert narrow.startswith(" s scale  ")
    assert "logs" not in narrow
    assert narrow.endswith("? help")
    assert tiny.strip() == "? help"


async def test_the_key_bar_is_data() -> None:
    bar = Keybar(Hint("q", "back"))
    async with on_stage(bar, size=(40, 5)):
        assert bar.shown_text[0].strip() == "q back"
        assert bar.show([Hint("q", "back")]) == 0
        assert bar.show([Hint("d", "drain")]) == 1
        assert bar.shown_text[0].strip() == "d drain"


async def test_a_message_is_said_and_goes() -> None:
    line = MessageLine()
    async with on_stage(line, size=(30, 5)) as (_, pilot):
        line.say("pod gone\x1b[2J; now on the next one, for a long while", Role.WARNING)
        assert line.shown_text[0] == " pod gone; now on the next o… "
        line.say("short", seconds=0.01)
        for _ in range(100):
            await pilot.pause(0.01)
            if not line.text:
                break
        assert line.text == ""
        assert line.shown_text[0].strip() == ""
        line.say("stays", seconds=None)
        line.clear()
        assert line.text == ""


async def test_a_message_that_is_longer_than_the_screen_is_wide_has_its_lines_and_gives_them_back() -> None:
    line, words = MessageLine(), "these are all models, with their workloads and pods; a shows the rest"
    async with on_stage(line, size=(40, 12)) as (_, pilot):
        line.say(words)
        await settled(pilot)
        assert [text.strip() for text in line.shown_text] == [
            "these are all models, with their",
            "workloads and pods; a shows the rest",
        ]
        line.say("short")
        await settled(pilot)
        assert [text.strip() for text in line.shown_text] == ["short"]
        line.say(words * 9)
        await settled(pilot)
        assert len(line.shown_text) == 3
        assert line.shown_text[-1].rstrip().endswith("…")
        line.clear()
        await settled(pilot)
        assert line.size.height == 1


class Rest(LineView, can_focus=True):
    """Something else to have the focus."""

    def lines(self, width: int, height: int) -> Sequence[Line]:
        del width, height
        return []


COMMANDS = ("nodes", "namespaces", "pods", "quit")


def complete(kind: Kind, typed: str) -> Sequence[str]:
    return [command for command in COMMANDS if kind == ":" and command.startswith(typed)]


async def test_the_prompt_takes_a_line_and_gives_the_focus_back() -> None:
    prompt, rest = Prompt(complete), Rest()
    async with on_stage(rest, prompt, size=(60, 10)) as (app, pilot):
        rest.focus()
        await settled(pilot)
        assert not prompt.display
        prompt.open(":")
        await pilot.press("p", "o", "d", "s", "enter")
        await settled(pilot)
        assert [(m.kind, m.text) for m in app.heard(Prompt.Submitted)] == [(":", "pods")]
        assert [m.text for m in app.heard(Prompt.Changed)] == ["p", "po", "pod", "pods"]
        assert not prompt.is_open
        assert not app.heard(Prompt.Cancelled)


async def test_the_prompt_completes_and_remembers() -> None:
    prompt = Prompt(complete)
    async with on_stage(prompt, size=(60, 10)) as (app, pilot):
        prompt.open(":")
        await pilot.press("n", "tab")
        assert prompt._line.value == "nodes"
        await pilot.press("tab")
        assert prompt._line.value == "namespaces"
        await pilot.press("tab", "enter")
        prompt.open(":")
        await pilot.press("q", "up")
        assert prompt._line.value == "nodes"
        await pilot.press("down")
        assert prompt._line.value == "q", "what was being typed comes back"
        await pilot.press("escape")
        await settled(pilot)
        assert [m.text for m in app.heard(Prompt.Submitted)] == ["nodes"]
        assert [m.kind for m in app.heard(Prompt.Cancelled)] == [":"]
        prompt.open("/", "llama")
        await pilot.press("up")
        assert prompt._line.value == "llama", "each kind has a history of its own"


async def test_what_is_typed_at_once_is_in_the_line() -> None:
    prompt, rest = Prompt(complete), Rest()
    async with on_stage(rest, prompt, size=(60, 10)) as (app, pilot):
        rest.focus()
        await settled(pilot)
        for times in range(1, 9):
            prompt.open("/")
            assert app.focused is prompt._line
            for key in "abc":
                app.post_message(Key(key, key))
            app.post_message(Key("enter", None))
            # Opened again as soon as it is closed, whatever of the closing is still under way.
            async with asyncio.timeout(PATIENCE):
                while prompt.is_open:
                    await pilot.pause(0)
            await settled(pilot) if times % 2 else await pilot.pause(0)
        await settled(pilot)
        assert [m.text for m in app.heard(Prompt.Submitted)] == ["abc"] * 8
        assert not app.heard(Prompt.Cancelled)


async def test_an_open_prompt_does_not_blink() -> None:
    prompt = Prompt()
    async with on_stage(prompt, size=(60, 10)) as (app, pilot):
        prompt.open("/")
        await pilot.press("x")
        await settled(pilot)
        app.written.clear()
        await pilot.pause(0.7)
        assert app.written == []


async def test_the_prompts_cursor_is_seen_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    prompt = Prompt()
    async with on_stage(prompt, size=(60, 10), chosen=Look(no_color=True)) as (app, pilot):
        prompt.open("/")
        await pilot.press("x")
        await settled(pilot)
        assert "\x1b[7;" in "".join(app.written)


def test_history_keeps_each_entry_once_and_is_bounded() -> None:
    history = PromptHistory(size=2)
    for entry in ("a", "b", "a", "c", ""):
        history.add(entry)
    assert [history.walk(-1, "draft") for _ in range(3)] == ["c", "a", "a"]
    assert [history.walk(1, "") for _ in range(2)] == ["c", "draft"]
