"""The cursor belongs to an object, not to a line of the screen."""

from __future__ import annotations

from textual.events import Click, MouseScrollDown

from tests.fleets import make_snapshot, without
from tests.widgets.rows import FlatRows, FleetRows
from tests.widgets.stage import on_stage, settled
from widgets.grid import Alike, Grid, RowGroup


class Nested(FlatRows):
    """Groups with children, by name."""

    def __init__(self, **groups: tuple[str, ...]) -> None:
        super().__init__()
        self.groups = [RowGroup(key, children) for key, children in groups.items()]


async def test_the_cursor_follows_its_object_when_the_order_turns() -> None:
    grid = Grid()
    async with on_stage(grid, size=(80, 12)) as (_, pilot):
        grid.show(FlatRows(*"abcdefgh"))
        await pilot.press("j", "j")
        assert grid.cursor == "c"
        grid.show(FlatRows(*"hgfedcba"))
        await settled(pilot)
        assert grid.cursor == "c"
        assert [line.strip() for line in grid.shown_text[1:9]] == list("hgfedcba")
        await pilot.press("j")
        assert grid.cursor == "b"


async def test_the_line_under_the_eye_stays_when_rows_come_in_above() -> None:
    grid = Grid()
    keys = [f"row-{i:03d}" for i in range(100)]
    async with on_stage(grid, size=(80, 12)) as (_, pilot):
        grid.show(FlatRows(*keys))
        for _ in range(50):
            await pilot.press("j")
        line = next(y for y, text in enumerate(grid.shown_text) if "row-050" in text)
        grid.show(FlatRows(*(f"new-{i}" for i in range(20)), *keys))
        assert grid.cursor == "row-050"
        assert "row-050" in grid.shown_text[line]


async def test_what_is_worst_is_not_hidden_above_a_view_that_was_at_its_top() -> None:
    grid = Grid()
    async with on_stage(grid, size=(80, 12)) as (_, pilot):
        rest = [f"row-{i}" for i in range(50)]
        grid.show(FlatRows("calm", *rest))
        await settled(pilot)
        grid.show(FlatRows("burning", "calm", *rest))
        assert grid.cursor == "calm"
        assert "burning" in grid.shown_text[1]
        assert "calm" in grid.shown_text[2]


async def test_a_vanished_row_hands_the_cursor_to_its_neighbour_and_says_so() -> None:
    grid = Grid()
    async with on_stage(grid, size=(80, 12)) as (app, pilot):
        grid.show(FlatRows(*"abcd"))
        await pilot.press("j")
        grid.show(FlatRows(*"acd"))
        await settled(pilot)
        assert grid.cursor == "c"
        (vanished,) = app.heard(Grid.Vanished)
        assert (vanished.key, vanished.now) == ("b", "c")
        grid.show(FlatRows("a"))
        assert grid.cursor == "a"
        grid.show(FlatRows(waiting="waiting for the API server\nfirst list, 3 of about 5"))
        await settled(pilot)
        assert grid.cursor is None
        assert app.heard(Grid.Vanished)[-1].now is None
        assert any("waiting for the API server" in line for line in grid.shown_text)


async def test_a_vanished_pod_hands_the_cursor_to_a_pod_of_its_workload() -> None:
    snapshot = make_snapshot(3, 4)
    top, pods = next(iter(snapshot.pods_of.items()))
    grid = Grid()
    async with on_stage(grid) as (_, pilot):
        grid.show(FleetRows(snapshot))
        for _ in pods:
            await pilot.press("j")
        assert grid.cursor == pods[-1]
        grid.show(FleetRows(without(snapshot, pods[-1])))
        assert grid.cursor == pods[-2]
        grid.show(FleetRows(without(snapshot, *pods)))
        assert grid.cursor == top


async def test_the_group_under_the_cursor_is_open_and_pinned_ones_stay_open() -> None:
    grid = Grid()
    model = Nested(a=("a1", "a2"), b=("b1",), c=())
    async with on_stage(grid, size=(60, 12)) as (_, pilot):
        grid.show(model)
        assert " ".join(grid.visible_keys) == "a a1 a2 b c"
        await pilot.press("right_curly_bracket")
        assert grid.cursor == "b"
        assert " ".join(grid.visible_keys) == "a b b1 c"
        await pilot.press("plus", "G")
        assert grid.cursor == "c"
        assert " ".join(grid.visible_keys) == "a b b1 c"
        await pilot.press("left_curly_bracket", "left_curly_bracket")
        assert grid.cursor == "a"
        assert " ".join(grid.visible_keys) == "a a1 a2 b b1 c"
        assert [text[:8] for text in grid.shown_text[1:7]] == [
            "   a    ",
            " │   a1 ",
            " └   a2 ",
            "   b    ",
            " └   b1 ",
            "   c    ",
        ]


async def test_marks_go_with_their_objects() -> None:
    grid = Grid()
    async with on_stage(grid, size=(60, 12)) as (app, pilot):
        grid.show(FlatRows(*"abcd"))
        assert grid.targets == ("a",)
        await pilot.press("space", "j", "space")
        assert grid.marks == {"a", "c"}
        assert grid.cursor == "d"
        assert [text[0] for text in grid.shown_text[1:5]] == ["✓", " ", "✓", " "]
        grid.show(FlatRows(*"dcb"))
        await settled(pilot)
        assert grid.targets == ("c",)
        assert app.heard(Grid.MarksChanged)[-1].keys == ("c",)
        grid.show(FlatRows(*"abcd"))
        assert grid.marks == {"c"}, "a new object of the old name is not marked"
        grid.clear_marks()
        assert grid.targets == ("d",)


async def test_keys_move_and_stop_at_the_ends() -> None:
    grid = Grid()
    keys = [f"k{i:02d}" for i in range(40)]
    async with on_stage(grid, size=(60, 11)) as (app, pilot):
        grid.show(FlatRows(*keys))
        for press, expected in (
            ("k", "k00"),
            ("j", "k01"),
            ("down", "k02"),
            ("up", "k01"),
            ("G", "k39"),
            ("j", "k39"),
            ("g", "k00"),
            ("ctrl+f", "k09"),
            ("ctrl+b", "k00"),
            ("end", "k39"),
            ("home", "k00"),
            ("pagedown", "k09"),
        ):
            await pilot.press(press)
            assert grid.cursor == expected, press
            assert any(expected in text for text in grid.shown_text), press
        await pilot.press("enter")
        await settled(pilot)
        assert app.heard(Grid.Selected)[-1].key == "k09"


async def test_the_mouse_points_selects_and_scrolls() -> None:
    grid = Grid()
    keys = [f"k{i:02d}" for i in range(40)]
    async with on_stage(grid, size=(60, 11)) as (app, pilot):
        grid.show(FlatRows(*keys))
        await pilot.click(grid, offset=(5, 4))
        assert grid.cursor == "k03"
        await pilot.click(grid, offset=(5, 4), times=2)
        assert [message.key for message in app.heard(Grid.Selected)] == ["k03"]
        await pilot.click(grid, offset=(5, 0))
        assert [message.column for message in app.heard(Grid.HeadClicked)] == ["name"]
        await pilot._post_mouse_events([MouseScrollDown], grid, button=0)
        await settled(pilot)
        assert grid.cursor == "k06"


async def test_a_click_moves_no_row_under_the_pointer_and_the_second_opens_it() -> None:
    grid = Grid()
    async with on_stage(grid, size=(40, 11)) as (app, pilot):
        grid.show(Nested(a=("a1", "a2"), b=("b1",), c=("c1",)))
        lines = [line.strip(" │└") for line in grid.shown_text[1:6]]
        assert lines == ["a", "a1", "a2", "b", "c"]
        await pilot.click(grid, offset=(5, 1 + lines.index("c")))
        await settled(pilot)
        assert [line.strip(" │└") for line in grid.shown_text[1:7]] == [*lines, "c1"]
        await pilot.click(grid, offset=(5, 1 + lines.index("c")))
        await settled(pilot)
        assert [message.key for message in app.heard(Grid.Selected)] == ["c"]
        # A key folds what clicks have left open.
        await pilot.press("k")
        await settled(pilot)
        assert [line.strip(" │└") for line in grid.shown_text[1:5]] == ["a", "b", "b1", "c"]


async def test_two_quick_clicks_are_on_one_row_though_a_tick_has_moved_it_between_them() -> None:
    grid = Grid()
    async with on_stage(grid, size=(40, 11)) as (app, pilot):
        grid.show(FlatRows(*"abcd"))
        await pilot.click(grid, offset=(5, 3))
        assert grid.cursor == "c"
        grid.show(FlatRows(*"dcab"))
        for chain, opened in ((2, ["c"]), (1, ["c"])):
            grid.on_click(Click(grid, 5, 3, 0, 0, 1, shift=False, meta=False, ctrl=False, chain=chain))
            await settled(pilot)
            assert [message.key for message in app.heard(Grid.Selected)] == opened
        assert grid.cursor == "a", "a click of its own is on what is there now"


async def test_highlighted_is_said_once_per_change() -> None:
    grid = Grid()
    async with on_stage(grid, size=(60, 11)) as (app, pilot):
        grid.show(FlatRows(*"abc"))
        grid.show(FlatRows(*"cba"))
        await pilot.press("k", "k")
        await settled(pilot)
        assert [message.key for message in app.heard(Grid.Highlighted)] == ["a", "b", "c"]
        assert grid.move_to("b")
        assert not grid.move_to("nowhere")
        assert grid.cursor == "b"


class Folded(FlatRows):
    """A group ``top`` of which these children are alike, and those, and a group ``next``."""

    def __init__(self, *children: str, alike: tuple[str, ...], others: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.groups = [RowGroup("top", children, (Alike("", alike), Alike("x", others))), RowGroup("next", ("n",))]


async def test_children_that_are_alike_are_one_row_until_it_is_opened() -> None:
    grid = Grid()
    async with on_stage(grid, size=(80, 14)) as (_, pilot):
        grid.show(Folded(*"sabcd", alike=tuple("abcd")))
        await settled(pilot)
        assert [line.split()[-1] for line in grid.shown_text[1:5]] == ["top", "s", "alike", "next"]
        assert "+4 alike" in grid.shown_text[3]
        await pilot.press("j", "j")
        assert grid.cursor is None
        assert grid.targets == ()
        await pilot.press("space")
        assert grid.cursor == "a"
        assert grid.marks == frozenset()
        assert grid.visible_keys == ("top", *"sabcd", "next")
        await pilot.press("G")
        await pilot.press("g")
        assert grid.visible_keys == ("top", "s", "next")


async def test_each_kind_of_alike_children_has_a_row_below_its_first_and_keeps_the_cursor() -> None:
    grid = Grid()
    async with on_stage(grid, size=(80, 14)) as (_, pilot):
        grid.show(Folded(*"svwabcd", alike=tuple("bcd"), others=("v", "w")))
        await settled(pilot)
        assert [line.split()[-2:] for line in grid.shown_text[1:7]] == [
            ["top"],
            ["│", "s"],
            ["+2", "alike"],
            ["│", "a"],
            ["+3", "alike"],
            ["next"],
        ]
        await pilot.press("j", "j", "j", "j")
        grid.show(Folded(*"svwabcd", alike=tuple("bcd")))
        await settled(pilot)
        await pilot.press("enter")
        assert grid.cursor == "b", "the row of the others was gone, and the cursor stayed on this one"


async def test_the_cursor_and_marks_stay_with_objects_that_have_become_alike() -> None:
    grid = Grid()
    async with on_stage(grid, size=(80, 14)) as (_, pilot):
        grid.show(Folded(*"abcde", alike=()))
        await settled(pilot)
        await pilot.press("j", "space", "j")
        assert (grid.cursor, grid.marks) == ("c", frozenset("a"))
        grid.show(Folded(*"abcde", alike=tuple("abcde")))
        await settled(pilot)
        assert grid.cursor == "c"
        assert grid.visible_keys == ("top", "a", "c", "next")
        assert "+3 alike" in grid.shown_text[4]
        await pilot.press("j")
        assert grid.cursor is None
        grid.show(Folded(*"abcde", alike=tuple("abde")))
        await settled(pilot)
        assert grid.cursor is None
        grid.show(Folded(*"abcde", alike=()))
        await settled(pilot)
        assert grid.cursor == "top"


async def test_an_object_that_is_folded_away_is_found_by_its_name() -> None:
    grid = Grid()
    async with on_stage(grid, size=(80, 14)) as (_, pilot):
        grid.show(Folded(*"abcde", alike=tuple("abcde")))
        await settled(pilot)
        assert grid.move_to("d")
        await settled(pilot)
        assert grid.cursor == "d"
        assert grid.visible_keys == ("top", "d", "next")
