"""Reading documents and logs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.widgets.stage import on_stage, settled, size_of
from widgets.log_buffer import LogBuffer, LogLine
from widgets.log_view import LogView
from widgets.text_pane import compile_search, wrap
from widgets.text_view import TextView

DOCUMENT = "\n".join(f"line {i:03d}" for i in range(100))


def shown(view: TextView | LogView) -> list[str]:
    return [text.rstrip() for text in view.shown_text]


async def test_scrolling_stops_at_the_ends() -> None:
    view = TextView(DOCUMENT)
    async with on_stage(view, size=(40, 10)) as (_, pilot):
        for press, top in (
            ("k", 0),
            ("j", 1),
            ("ctrl+f", 10),
            ("ctrl+b", 1),
            ("G", 90),
            ("j", 90),
            ("pagedown", 90),
            ("g", 0),
            ("pageup", 0),
        ):
            await pilot.press(press)
            assert shown(view)[0] == f"line {top:03d}", press
        await pilot.press("G")
        assert shown(view)[-1] == "line 099"


async def test_search_goes_round_and_shows_its_match() -> None:
    view = TextView(DOCUMENT)
    async with on_stage(view, size=(40, 10)) as (_, pilot):
        assert view.search("5$")
        assert view.match == 5
        for press, match in (("n", 15), ("n", 25), ("N", 15), ("N", 5), ("N", 95), ("n", 5)):
            await pilot.press(press)
            assert view.match == match
            assert f"line {match:03d}" in shown(view)
        assert not view.search("nowhere")
        assert view.match is None
        assert not view.search("")


async def test_a_match_is_told_apart_without_colour_of_the_text() -> None:
    view = TextView("one two\nthree two")
    async with on_stage(view, size=(40, 10)) as (app, pilot):
        view.search("two")
        await settled(pilot)
        segments = [segment for strip in view._strips[:2] for segment in strip if segment.text == "two"]
        assert len(segments) == 2
        assert segments[0].style != segments[1].style, "the current match differs from the others"
        assert all(segment.style is not None for segment in segments)
        app.written.clear()
        view.search("two")
        await settled(pilot)
        assert app.written == []


async def test_wrapping_loses_nothing() -> None:
    long = "".join(f"{i:05d}" for i in range(60))
    view = TextView(f"head\n{long}\ntail 中文中文中文中文中文中文中文中文中文")
    async with on_stage(view, size=(40, 20)) as (_, pilot):
        assert shown(view)[1] == f"{long[:39]}…"
        assert shown(view)[2].endswith("…"), "of wide characters as well"
        await pilot.press("right")
        assert shown(view)[1] == f"{long[20:59]}…"
        await pilot.press("left", "w")
        assert view.wrapped
        assert "".join(shown(view)[1:9]) == long
        assert all(cell_len(line) <= 40 for line in shown(view))
        await pilot.resize_terminal(30, 5)
        await settled(pilot)
        await pilot.press("G")
        assert shown(view)[-1].endswith("文")
        assert "".join(shown(view)[-2:]).startswith("tail 中文")
        for _ in range(30):
            await pilot.press("k")
        assert shown(view)[0] == "head"


async def test_wrapped_lines_scroll_row_by_row_and_page_by_page() -> None:
    text = "\n".join(f"{i:02d}" + "x" * (17 * i % 90) for i in range(20))
    view = TextView(text)
    async with on_stage(view, size=(20, 6)) as (_, pilot):
        await pilot.press("w")
        whole = [line[i : i + 20] for line in text.split("\n") for i in range(0, len(line), 20)]
        for top in range(1, len(whole) - 5):
            view.action_scroll_rows(1)
            assert shown(view) == whole[top : top + 6]
        for top in range(len(whole) - 7, -1, -1):
            view.action_scroll_rows(-1)
            assert shown(view) == whole[top : top + 6]
        for top in range(7, len(whole) - 5, 7):
            view.action_scroll_rows(7)
            assert shown(view) == whole[top : top + 6]
        await pilot.press("G")
        assert shown(view) == whole[-6:]


async def test_another_version_of_a_document_keeps_the_place() -> None:
    view = TextView(DOCUMENT)
    async with on_stage(view, size=(40, 10)) as (app, pilot):
        await pilot.press("ctrl+f", "ctrl+f")
        await settled(pilot)
        app.written.clear()
        assert view.show(DOCUMENT.replace("line 020", "LINE 020")) == 1
        await settled(pilot)
        assert 0 < size_of(app.written) < 256
        assert view.show("short") == 10
        assert shown(view)[0] == "short"


async def test_hostile_documents_do_nothing() -> None:
    view = TextView("\x1b[2Ja\tb\n[bold]x[/bold]\n\x1b]0;title\x07end")
    async with on_stage(view, size=(40, 5)):
        assert shown(view)[:3] == ["a       b", "[bold]x[/bold]", "end"]


@given(st.text(), st.integers(1, 30))
def test_wrapped_parts_cover_the_text(text: str, width: int) -> None:
    parts = wrap(text, width)
    assert "".join(text[start:end] for start, end in parts) == text
    assert all(cell_len(text[start:end]) <= max(width, 2) for start, end in parts)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("error", "ERROR", True),
        ("Error", "ERROR", False),
        ("e.*r", "eXXr", True),
        ("[", "a[b", True),
        ("(err", "x(ERR", True),
    ],
)
def test_searches_as_typed(pattern: str, text: str, found: bool) -> None:
    assert bool(compile_search(pattern).search(text)) is found


def lines(*texts: str) -> list[LogLine]:
    return [LogLine(text, 1_790_000_000.0 + i) for i, text in enumerate(texts)]


def test_the_buffer_is_bounded_by_lines_and_by_bytes() -> None:
    buffer = LogBuffer(max_lines=3, max_bytes=20, max_line=10)
    buffer.append(lines("a", "b", "c", "d"))
    assert (buffer.first, buffer.end, buffer.bytes) == (1, 4, 3)
    assert [buffer[i].text for i in range(buffer.first, buffer.end)] == ["b", "c", "d"]
    buffer.append(lines("x" * 9, "éé" + "y" * 8))
    assert [buffer[i].text for i in range(buffer.first, buffer.end)] == ["éé" + "y" * 8]
    assert buffer.bytes == 12
    buffer.append(lines("z" * 500))
    assert buffer[buffer.end - 1].text == "z" * 10 + " [cut]"
    with pytest.raises(IndexError):
        buffer[0]
    buffer.clear()
    assert (buffer.end - buffer.first, buffer.bytes) == (0, 0)


@given(st.lists(st.text(max_size=40)), st.integers(1, 20), st.integers(1, 200))
def test_the_bounds_always_hold(texts: list[str], max_lines: int, max_bytes: int) -> None:
    buffer = LogBuffer(max_lines, max_bytes)
    buffer.append(LogLine(text) for text in texts)
    kept = [buffer[i].text for i in range(buffer.first, buffer.end)]
    assert buffer.end == len(texts)
    assert len(kept) <= max_lines
    assert buffer.bytes == sum(len(text.encode()) for text in kept)
    assert buffer.bytes <= max_bytes or len(kept) == 1
    assert not any(re.search(r"[\x00-\x1f\x7f-\x9f]", text) for text in kept)


async def test_a_log_follows_its_end_until_one_scrolls_up() -> None:
    view = LogView()
    async with on_stage(view, size=(40, 5)) as (_, pilot):
        view.append(lines(*(f"line {i}" for i in range(20))))
        await settled(pilot)
        assert shown(view)[-1] == "line 19"
        await pilot.press("k")
        assert not view.following
        view.append(lines("new"))
        await settled(pilot)
        assert shown(view)[-1] == "line 18"
        await pilot.press("G")
        assert view.following
        assert shown(view)[-1] == "new"
        await pilot.press("k", "s")
        assert shown(view)[-1] == "new"


async def test_a_flood_is_drawn_once_and_a_position_stays_with_its_line() -> None:
    view = LogView(LogBuffer(max_lines=100))
    async with on_stage(view, size=(40, 10)) as (_, pilot):
        view.append(lines("start"))
        await settled(pilot)
        drawn = view.lines_drawn
        for i in range(1_000):
            view.append(lines(f"flood {i}"))
        await settled(pilot)
        assert view.lines_drawn - drawn <= 10
        assert view.dropped == 901
        assert shown(view)[-1] == "flood 999"
        await pilot.press("g")
        assert shown(view)[0] == "flood 900"
        await pilot.press("j", "j")
        view.append(lines("one more"))
        await settled(pilot)
        assert shown(view)[0] == "flood 902"
        view.append(lines(*(f"again {i}" for i in range(99))))
        await settled(pilot)
        assert shown(view)[0] == "one more", "what was looked at is gone: the oldest that is left"


async def test_logs_have_timestamps_search_and_an_end() -> None:
    view = LogView()
    async with on_stage(view, size=(60, 6)) as (app, pilot):
        view.append(lines("start", "\x1b[31mERROR\x1b[0m boom", "end"))
        await settled(pilot)
        assert shown(view)[1] == "ERROR boom"
        await pilot.press("t")
        assert shown(view)[1] == "14:13:21 ERROR boom"
        assert view.search("error")
        assert view.match == 1
        assert not view.following
        await pilot.press("C")
        await settled(pilot)
        assert shown(view) == [""] * 6
        assert len(app.heard(LogView.StateChanged)) >= 2


async def test_a_line_of_another_day_than_the_newest_has_its_date() -> None:
    view = LogView()
    async with on_stage(view, size=(60, 6)) as (_, pilot):
        view.append([LogLine("old", 1_795_900_000.0), LogLine("new", 1_796_000_000.0)])
        await settled(pilot)
        await pilot.press("t")
        assert shown(view)[:2] == ["11-28 21:06:40 old", "00:53:20 new"]


@pytest.mark.parametrize("width", [40, 41])
async def test_a_line_that_goes_on_beyond_the_edge_says_so(width: int) -> None:
    whole, cut = "throughput: 134.25 tokens/s" + " " * 30, "x" * 26 + " throughput: 134.25 tokens/s"
    view = TextView(f"{whole}\n{cut}")
    async with on_stage(view, size=(width, 10)) as (_, pilot):
        if view.wrapped:
            await pilot.press("w")
        await settled(pilot)
        assert shown(view)[:2] == [whole.rstrip(), f"{cut[: width - 1]}…"]
        assert {cell_len(text) for text in view.shown_text} == {width}
        await pilot.press("right")
        assert shown(view)[1] == cut[20:]
        assert view.shown[1] == cut, "copied whole"
